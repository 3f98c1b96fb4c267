import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { StateBit, Variable } from "./profile.ts";
import { type HeardValue, type Reading, readValue, truthDraft } from "./variables.ts";

export type ValueOutcome =
  | { readonly kind: "drafts"; readonly drafts: readonly ObservationDraft[] }
  | { readonly kind: "filtered"; readonly reason: string }
  | { readonly kind: "rejected"; readonly detail: string };

/** A change of just the dead band counts, whatever binary fractions make of it. */
const hair = 1e-9;

interface Measured {
  /** As it is now, and as it was told. */
  readonly value: number;
  readonly told?: number;
  /** Log time ms of the telling. */
  readonly at: number;
}

/**
 * What was told of each variable of a server: a session that begins anew repeats every value, and only what has changed is news.
 * The first value of all is told whatever it says, since what was told before this process is not known.
 */
export class VariableBoard {
  readonly #measured = new Map<Variable["node"], Measured>();
  readonly #words = new Map<string, boolean | string>();
  readonly #bits = new Map<StateBit, boolean>();
  #toldState = "";

  /** Of a quality that cannot be believed, by variable: for the fault that names them. */
  readonly bad = new Map<string, string>();

  take(variable: Variable, heard: HeardValue, at: number): ValueOutcome {
    const reading = readValue(variable, heard);
    const name = nameOf(variable);
    if (reading.kind === "bad") {
      this.bad.set(name, reading.quality);
      this.#measured.delete(variable.node);
      return { kind: "filtered", reason: "bad-quality" };
    }
    if (reading.kind === "none") return { kind: "filtered", reason: reading.reason };
    if (reading.kind === "wrong") {
      this.#measured.delete(variable.node);
      return { kind: "rejected", detail: `${name}: ${reading.detail}` };
    }
    this.bad.delete(name);
    const drafts = this.#news(variable, reading, at);
    return drafts.length === 0 ? { kind: "filtered", reason: "unchanged" } : { kind: "drafts", drafts };
  }

  /** Measured values that were not told for so long; the server's silence about them means that they stand. */
  due(variables: readonly Variable[], everyMs: number, at: number): readonly ObservationDraft[] {
    return variables.flatMap((variable) => {
      const known = this.#measured.get(variable.node);
      if (known === undefined || at - known.at < everyMs) return [];
      return this.#tellMeasured(variable, known.value, at);
    });
  }

  #news(
    variable: Variable,
    reading: Exclude<Reading, { kind: "none" | "wrong" | "bad" }>,
    at: number,
  ): ObservationDraft[] {
    if (reading.kind === "number") return this.#number(variable, reading.value, at);
    if (reading.kind === "bits") return this.#state(reading.bits);
    const word = reading.kind === "truth" ? reading.value : reading.state;
    const key = nameOf(variable);
    if (this.#words.get(key) === word) return [];
    this.#words.set(key, word);
    if (reading.kind === "state" && variable.is === "panel") {
      return [{ kind: "panel.event", body: { event: reading.state, point: variable.point } }];
    }
    if (reading.kind === "truth" && (variable.is === "contact" || variable.is === "fault")) {
      return [truthDraft(variable, reading.value)];
    }
    return [];
  }

  #number(variable: Variable, value: number, at: number): ObservationDraft[] {
    const known = this.#measured.get(variable.node);
    const deadband = "deadband" in variable ? variable.deadband : 0;
    const told = known?.told;
    const moved = told === undefined || (value !== told && Math.abs(value - told) >= deadband - hair);
    if (moved) return this.#tellMeasured(variable, value, at);
    this.#measured.set(variable.node, { value, told, at: known?.at ?? at });
    return [];
  }

  #tellMeasured(variable: Variable, value: number, at: number): ObservationDraft[] {
    this.#measured.set(variable.node, { value, told: value, at });
    const body = variable.is === "temperature" ? { temperatureC: value } : { pressureMpa: value };
    return [{ kind: "thermal.reading", body }];
  }

  #state(bits: ReadonlyMap<StateBit, boolean>): ObservationDraft[] {
    for (const [bit, set] of bits) this.#bits.set(bit, set);
    const is = (bit: StateBit) => this.#bits.get(bit) ?? false;
    const body = { discharged: is("discharged"), lowPressure: is("lowPressure"), tamper: is("tamper") };
    const told = JSON.stringify(body);
    if (told === this.#toldState) return [];
    this.#toldState = told;
    return [{ kind: "extinguisher.state", body }];
  }
}

/** How the variable is called in faults and rejections. */
export function nameOf(variable: Variable): string {
  switch (variable.is) {
    case "temperature":
    case "pressure":
      return variable.is;
    case "contact":
      return variable.role;
    case "fault":
      return variable.code;
    case "panel":
      return variable.point;
    case "extinguisher":
      return variable.bit ?? `state of ${variable.node}`;
  }
}
