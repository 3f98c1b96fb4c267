import type { BodyOf, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { StateBit, Variable, VariableOf } from "./profile.ts";
import { badStatus, overflowed, statusName, waiting } from "./quality.ts";

/** A DataValue as it came, of whatever shape. */
export interface HeardValue {
  readonly value: unknown;
  readonly status: unknown;
  /** Epoch ms by the server's clock. */
  readonly sourceTimeMs?: number;
}

/** What one value says. */
export type Reading =
  | { readonly kind: "none"; readonly reason: string }
  | { readonly kind: "wrong"; readonly detail: string }
  | { readonly kind: "bad"; readonly quality: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "truth"; readonly value: boolean }
  | { readonly kind: "bits"; readonly bits: ReadonlyMap<StateBit, boolean> }
  | { readonly kind: "state"; readonly state: BodyOf<"panel.event">["event"] };

/** Whether the server says that it dropped values before this one. */
export function lostBefore({ status }: HeardValue): boolean {
  return overflowed(status);
}

const toCelsius = { degC: (v: number) => v, degF: (v: number) => (v - 32) / 1.8, K: (v: number) => v - 273.15 };
const toMpa = { MPa: 1, kPa: 1e-3, bar: 0.1, psi: 0.006894757293168 };
const usual = { temperature: { min: -50, max: 1400 }, pressure: { min: -0.1, max: 60 } };

/** Reads a value as the profile says. A value of bad or uncertain quality is never one. */
export function readValue(variable: Variable, { value, status }: HeardValue): Reading {
  if (waiting(status)) return { kind: "none", reason: "waiting" };
  if (badStatus(status)) return { kind: "bad", quality: statusName(status) };
  const plain = plainOf(value);
  if (plain === undefined) return { kind: "wrong", detail: `found ${describe(value)}, expected one plain value` };
  switch (variable.is) {
    case "temperature":
    case "pressure":
      return measured(variable, plain);
    case "contact":
    case "fault":
      return { kind: "truth", value: isTrue(variable, plain) };
    case "extinguisher":
      return stateBits(variable, plain);
    case "panel": {
      const state = Object.hasOwn(variable.values, String(plain)) ? variable.values[String(plain)] : undefined;
      if (state !== undefined) return { kind: "state", state };
      return { kind: "wrong", detail: `found a value that the profile does not list: ${shown(plain)}` };
    }
  }
}

function measured(variable: VariableOf<"temperature" | "pressure">, plain: Plain): Reading {
  const raw = typeof plain === "string" && plain.trim() !== "" ? Number(plain) : plain;
  if (typeof raw !== "number") return { kind: "wrong", detail: `found ${describe(plain)}, expected a number` };
  if (!Number.isFinite(raw)) return { kind: "bad", quality: "no finite number" };
  const scaled = raw * variable.scale + variable.offset;
  const value = variable.is === "temperature" ? toCelsius[variable.unit](scaled) : scaled * toMpa[variable.unit];
  const { min, max } = variable.valid ?? usual[variable.is];
  if (!(value >= min && value <= max))
    return { kind: "bad", quality: `${Number(value.toPrecision(6))} is out of range` };
  return { kind: "number", value: Number(value.toFixed(4)) };
}

function stateBits(variable: VariableOf<"extinguisher">, plain: Plain): Reading {
  if (variable.bit !== undefined) return { kind: "bits", bits: new Map([[variable.bit, isTrue(variable, plain)]]) };
  if (typeof plain !== "number" || !Number.isInteger(plain)) {
    return { kind: "wrong", detail: `found ${describe(plain)}, expected a whole number` };
  }
  const entries = Object.entries(variable.bits ?? {});
  return { kind: "bits", bits: new Map(entries.map(([bit, name]) => [name, (plain >>> Number(bit)) % 2 === 1])) };
}

function isTrue({ activeWhen }: { activeWhen: readonly Plain[] }, plain: Plain): boolean {
  return activeWhen.some(
    (each) => each === plain || (typeof each !== typeof plain && asNumber(each) === asNumber(plain)),
  );
}

/** true and 1 are one thing to the makers of panels; a word is only equal to itself. */
function asNumber(plain: Plain): number | string {
  return typeof plain === "boolean" ? Number(plain) : plain;
}

type Plain = boolean | number | string;

/** Booleans, numbers and texts as they are; 64-bit integers come as two halves, LocalizedText as an object. */
function plainOf(value: unknown): Plain | undefined {
  if (typeof value === "boolean" || typeof value === "number" || typeof value === "string") return value;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value) && value.length === 2) {
    const [high, low] = value;
    if (typeof high === "number" && typeof low === "number") return high * 2 ** 32 + low;
  }
  if (typeof value === "object" && value !== null && "text" in value && typeof value.text === "string")
    return value.text;
  return undefined;
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "an array";
  return typeof value === "object" ? "a structure" : `a ${typeof value}`;
}

function shown(plain: Plain): string {
  return typeof plain === "string" ? "a text" : String(plain);
}

/** The draft for a truth that has changed. */
export function truthDraft(variable: VariableOf<"contact" | "fault">, active: boolean): ObservationDraft {
  if (variable.is === "contact") return { kind: "contact.state", body: { active, role: variable.role } };
  return { kind: "device.fault", body: { code: variable.code, active } };
}
