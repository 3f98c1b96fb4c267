import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, Exchange, ModbusLine } from "../../gateway/ports/driver.ts";
import { carryOut } from "./commands.ts";
import { decodeRegister } from "./decode.ts";
import { durationMs } from "./duration.ts";
import { type Profile, profileSchema } from "./profile.ts";
import { readBatch } from "./read-batch.ts";
import { type Batch, planOf } from "./register-plan.ts";
import { forgotten, type Memory, nothingReported, type Poll, refused, remember, stored } from "./report.ts";
import { valuesFrom } from "./values.ts";

/** Polls in a row without any answer after which the device counts as gone. */
const missesUntilGone = 3;
/** A command that was not carried out by then is given up; who gave it waits for 30 s at most. */
const commandWithinMs = 20_000;

const rejectionReasons = {
  "bad-crc": "bad-crc",
  foreign: "foreign-reply",
  short: "short-reply",
  exception: "modbus-exception",
} as const;

/** Where the slave is. */
export interface Place {
  readonly line: ModbusLine;
  readonly unit: number;
  /** Name of its profile, for messages. */
  readonly profile: string;
}

/**
 * Polls one slave by its profile and reports by exception. Ends with PROFILE_INVALID where the profile is none; a line that
 * is lost or a slave that is silent does not end it. `place` may throw: then it ends with that.
 */
export function openSlave(context: DriverContext<unknown>, place: () => Place): DeviceSession {
  const { signal } = context;
  let session: Session | undefined;
  const done = new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) return resolve();
    session = new Session(context, place());
    session.run().then(resolve, reject);
  });
  return {
    done,
    command: async (command) =>
      (await session?.command(command)) ?? { ok: false, why: "not-connected", detail: "the session is over" },
  };
}

class Session {
  readonly #context: DriverContext<unknown>;
  readonly #place: Place;
  readonly #profile: Profile;
  readonly #plan: readonly Batch[];
  /** Log time ms at which each batch is due. */
  readonly #dueAt: number[];
  /** With what exception each was refused when it was asked last; "" where it was not. */
  readonly #refusals: string[];
  readonly #pollEveryMs: number;
  /** The newest word of each address, by function and address. */
  readonly #words = new Map<string, number>();
  #memory: Memory = nothingReported;
  #misses = 0;
  #gone = false;

  constructor(context: DriverContext<unknown>, place: Place) {
    const parsed = profileSchema.safeParse(context.profile);
    if (!parsed.success)
      throw new GatewayError("PROFILE_INVALID", `the profile ${place.profile} is not one`, { cause: parsed.error });
    this.#context = context;
    this.#place = place;
    this.#profile = parsed.data;
    this.#plan = planOf(parsed.data);
    this.#dueAt = this.#plan.map(() => context.clock.now());
    this.#refusals = this.#plan.map(() => "");
    this.#pollEveryMs = durationMs(parsed.data.pollEvery);
  }

  async run(): Promise<void> {
    const { clock, signal } = this.#context;
    while (!signal.aborted) {
      await this.#poll(clock.now());
      await this.#until(Math.max(Math.min(...this.#dueAt), clock.now()));
    }
  }

  async command(command: DeviceCommand): Promise<CommandOutcome> {
    const { clock, signal } = this.#context;
    const over: CommandOutcome = { ok: false, why: "not-connected", detail: "the device does not answer" };
    if (this.#gone || signal.aborted) return over;
    const { line, unit } = this.#place;
    return await new Promise<CommandOutcome>((resolve) => {
      const late: CommandOutcome = {
        ok: false,
        why: "no-answer",
        detail: "the line is busy; it may be carried out yet",
      };
      const cancel = clock.after(commandWithinMs, () => resolve(late));
      carryOut(command, this.#profile, line, unit).then(
        (outcome) => {
          cancel();
          resolve(outcome);
        },
        (error: unknown) => {
          cancel();
          resolve({ ok: false, why: "unsupported", detail: error instanceof Error ? error.message : String(error) });
        },
      );
    });
  }

  async #poll(startedAt: number): Promise<void> {
    const answered: Batch[] = [];
    let heard = false;
    let failed: "silent" | "lost" | undefined;
    for (const [i, batch] of this.#plan.entries()) {
      if ((this.#dueAt[i] ?? 0) > startedAt) continue;
      const exchange = failed === undefined ? await this.#ask(batch) : undefined;
      if (this.#context.signal.aborted) return;
      const answers = exchange?.ok === true || exchange?.why === "exception";
      // What was not read is due again as soon as what is polled most.
      const afterMs = answers ? batch.everyMs : Math.min(batch.everyMs, this.#pollEveryMs);
      // Polls that were missed meanwhile are not made up for.
      this.#dueAt[i] = Math.max((this.#dueAt[i] ?? 0) + afterMs, startedAt);
      if (exchange === undefined) continue;
      heard ||= answers;
      if (exchange.ok) answered.push(batch);
      if (answers) this.#refusals[i] = exchange.ok ? "" : exchange.detail;
      else failed = !exchange.ok && exchange.why === "lost" ? "lost" : "silent";
    }
    if (!heard) return this.#missed(failed === "lost");
    this.#misses = 0;
    this.#gone = false;
    await this.#report(this.#pollOf(answered, failed !== undefined));
  }

  async #ask(batch: Batch): Promise<Exchange> {
    const { line, unit } = this.#place;
    const timeoutMs = durationMs(this.#profile.answerWithin);
    const exchange = await readBatch(line, unit, batch, { timeoutMs, urgent: batch.alarm });
    if (this.#context.signal.aborted) return exchange;
    if (!exchange.ok) this.#reject(batch, exchange);
    else
      exchange.registers.forEach((word, at) => {
        this.#words.set(`${batch.function}:${batch.address + at}`, word);
      });
    return exchange;
  }

  #pollOf(answered: readonly Batch[], silent: boolean): Poll {
    const refusal = this.#refusals.find((each) => each !== "") ?? "";
    const decoded = this.#profile.registers
      .filter((register) => answered.some((batch) => covers(batch, register)))
      .flatMap((register) => decodeRegister(register, (fn, address) => this.#words.get(`${fn}:${address}`)) ?? []);
    return {
      values: valuesFrom(decoded),
      read: new Set(decoded.map(({ name }) => name)),
      ...(refusal !== "" || !silent ? { refused: refusal } : {}),
    };
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

  #reject({ function: fn, address, count }: Batch, { why, detail }: Exchange & { ok: false }): void {
    if (why === "timeout" || why === "lost") return;
    const { line, unit } = this.#place;
    this.#context.reject({
      reason: rejectionReasons[why],
      detail: `function ${fn}, address ${address}, count ${count}: ${detail}`,
      source: `${line.id} unit ${unit}`,
    });
  }

  #missed(lost: boolean): void {
    this.#misses++;
    if (this.#gone || !(lost || this.#misses >= missesUntilGone)) return;
    this.#gone = true;
    this.#memory = forgotten(this.#memory);
    // It may come back as another one, with other settings.
    this.#words.clear();
    this.#dueAt.fill(this.#context.clock.now() + this.#pollEveryMs);
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

function covers(batch: Batch, register: { function: number; address: number }): boolean {
  const { function: fn, address, count } = batch;
  return fn === register.function && register.address >= address && register.address < address + count;
}
