import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, Exchange, ModbusLine } from "../../gateway/ports/driver.ts";
import { decode, type Values } from "./decode.ts";
import type { ModbusRtuOptions } from "./options.ts";
import { durationMs, type Profile, profileSchema } from "./profile.ts";
import { type Batch, planOf } from "./register-plan.ts";
import { forgotten, type Memory, nothingReported, type Poll, refused, remember, stored } from "./report.ts";

/** Polls in a row without any answer after which the device counts as gone. */
const missesUntilGone = 3;

const rejectionReasons = {
  "bad-crc": "bad-crc",
  foreign: "foreign-reply",
  short: "short-reply",
  exception: "modbus-exception",
} as const;

/**
 * Polls one extinguisher and reports by exception. Ends with PROFILE_INVALID where the profile is none; a line that is
 * lost or a device that is silent does not end it.
 */
export function open(context: DriverContext<ModbusRtuOptions>): DeviceSession {
  const { signal } = context;
  const done = new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
    else new Session(context).run().then(resolve, reject);
  });
  return { done };
}

class Session {
  readonly #context: DriverContext<ModbusRtuOptions>;
  readonly #line: ModbusLine;
  readonly #profile: Profile;
  readonly #plan: readonly Batch[];
  #memory: Memory = nothingReported;
  #misses = 0;
  #gone = false;

  constructor(context: DriverContext<ModbusRtuOptions>) {
    const parsed = profileSchema.safeParse(context.profile);
    if (!parsed.success)
      throw new GatewayError("PROFILE_INVALID", `the profile ${context.options.profile} is not one`, {
        cause: parsed.error,
      });
    const line = context.modbusLine?.(context.options.line);
    if (line === undefined) throw new GatewayError("LINK_ABSENT", `there is no serial line ${context.options.line}`);
    this.#context = context;
    this.#line = line;
    this.#profile = parsed.data;
    this.#plan = planOf(parsed.data);
  }

  async run(): Promise<void> {
    const { clock, signal } = this.#context;
    const everyMs = durationMs(this.#profile.pollEvery);
    for (let next = clock.now(); !signal.aborted; ) {
      await this.#poll();
      // Polls that were missed meanwhile are not made up for.
      next = Math.max(next + everyMs, clock.now());
      await this.#until(next);
    }
  }

  async #poll(): Promise<void> {
    const answered: { batch: Batch; values: Values }[] = [];
    let exception = "";
    for (const batch of this.#plan) {
      const exchange = await this.#ask(batch);
      if (this.#context.signal.aborted) return;
      if (exchange.ok) answered.push({ batch, values: decode(batch, exchange.registers) });
      else {
        this.#reject(batch, exchange);
        if (exchange.why === "exception") exception ||= exchange.detail;
        else if (answered.length === 0 && exception === "") return this.#missed(exchange.why === "lost");
        else break;
      }
    }
    this.#misses = 0;
    this.#gone = false;
    await this.#report({
      values: merge(answered.map(({ values }) => values)),
      read: new Set(answered.flatMap(({ batch }) => batch.registers.map(({ name }) => name))),
      ...(exception !== "" || answered.length === this.#plan.length ? { refused: exception } : {}),
    });
  }

  async #report(poll: Poll): Promise<void> {
    const { clock } = this.#context;
    const { temperature, pressure, every } = this.#profile.report;
    const rules = { temperature, pressure, everyMs: durationMs(every) };
    const at = clock.now();
    const { memory, reading } = remember(this.#memory, poll, rules, at);
    this.#memory = memory;
    const drafts: ObservationDraft[] = [...memory.edges];
    if (reading !== undefined) drafts.push({ kind: "thermal.reading", body: reading });
    if (drafts.length === 0) {
      if (poll.read.size > 0) this.#context.filtered("unchanged");
      this.#context.seen();
      return;
    }
    const seenAt = clock.wall();
    try {
      await this.#context.observe(drafts);
      this.#memory = stored(memory, reading, at);
    } catch {
      // The log says elsewhere why it refuses; here it only matters that all of it is said again.
      this.#memory = refused(memory, seenAt);
      this.#context.seen();
    }
  }

  #ask({ function: fn, address, count }: Batch): Promise<Exchange> {
    const { unit } = this.#context.options;
    const expect = { timeoutMs: durationMs(this.#profile.answerWithin) };
    switch (fn) {
      case 1:
        return this.#line.readCoils(unit, address, count, expect);
      case 2:
        return this.#line.readDiscrete(unit, address, count, expect);
      case 3:
        return this.#line.readHolding(unit, address, count, expect);
      case 4:
        return this.#line.readInput(unit, address, count, expect);
    }
  }

  #reject({ function: fn, address, count }: Batch, { why, detail }: Exchange & { ok: false }): void {
    if (why === "timeout" || why === "lost") return;
    const source = `${this.#line.id} unit ${this.#context.options.unit}`;
    this.#context.reject({
      reason: rejectionReasons[why],
      detail: `function ${fn}, address ${address}, count ${count}: ${detail}`,
      source,
    });
  }

  #missed(lost: boolean): void {
    this.#misses++;
    if (this.#gone || !(lost || this.#misses >= missesUntilGone)) return;
    this.#gone = true;
    this.#memory = forgotten(this.#memory);
    this.#context.gone(lost ? "link-lost" : "no-answer");
  }

  #until(at: number): Promise<void> {
    const { clock, signal } = this.#context;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.after(at - clock.now(), end);
      signal.addEventListener("abort", end);
    });
  }
}

function merge(all: readonly Values[]): Values {
  const bits = new Map(all.flatMap((values) => [...values.bits]));
  const invalid = new Map(all.flatMap((values) => [...values.invalid]));
  return Object.assign({}, ...all, { bits, invalid });
}
