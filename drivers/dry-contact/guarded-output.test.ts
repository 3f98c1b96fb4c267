import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { GuardedOutput } from "./guarded-output.ts";
import type { Claim, Word } from "./guardian-words.ts";
import type { OutputLine } from "./line-port.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 300 : 20_000;
const siren: Claim = {
  id: "siren-1",
  root: "/",
  backend: "auto",
  chip: "c",
  line: 5,
  activeLow: false,
  safeOn: false,
  mostMs: 1_000,
};

/** A wire with its history, that can refuse to be driven. */
class Wire implements OutputLine {
  high: boolean;
  broken = false;
  closed = false;
  readonly #clock: ManualClock;
  readonly history: { at: number; high: boolean }[] = [];

  constructor(clock: ManualClock, high: boolean) {
    this.#clock = clock;
    this.high = high;
  }

  async drive(high: boolean): Promise<void> {
    if (this.broken) throw new GatewayError("GPIO_STUCK", "it does not follow");
    this.high = high;
    this.history.push({ at: this.#clock.now(), high });
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function output(claim: Claim = siren) {
  const clock = new ManualClock(0);
  const words: Word[] = [];
  const wire = new Wire(clock, claim.safeOn !== claim.activeLow);
  return { clock, words, wire, held: new GuardedOutput({ claim, wire, clock, say: (word) => words.push(word) }) };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const sliceMs = 50;

/** What a timer starts is done within the slice in which it was due. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= sliceMs) {
    clock.advance(Math.min(left, sliceMs));
    await settled();
  }
}

describe("a guarded output", () => {
  it("whatever it is told, is away from its safe state for no longer than its bound", async () => {
    const acts = fc.array(
      fc.oneof(
        fc.record({ on: fc.boolean(), forMs: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }) }),
        fc.record({ waitMs: fc.integer({ min: 0, max: 700 }) }),
      ),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(acts, fc.boolean(), fc.boolean(), async (list, safeOn, activeLow) => {
        const { clock, wire, held } = output({ ...siren, safeOn, activeLow });
        const safeHigh = safeOn !== activeLow;
        for (const act of list) {
          if ("waitMs" in act) await pass(clock, act.waitMs);
          else await held.set(act.on, act.forMs);
        }
        await pass(clock, 1_100);
        expect(wire.high).toBe(safeHigh);
        let away: number | undefined;
        for (const { at, high } of wire.history) {
          if (high === safeHigh) {
            if (away !== undefined) expect(at - away).toBeLessThanOrEqual(1_000 + sliceMs);
            away = undefined;
          } else away ??= at;
        }
      }),
      { numRuns },
    );
  });

  it("that will not go back is tried again and again, and says so", async () => {
    const { clock, words, wire, held } = output();
    await held.set(true, 100);
    wire.broken = true;
    for (let n = 0; n < 8; n += 1) {
      clock.advance(100);
      await settled();
    }
    expect(words.length).toBeGreaterThan(1);
    expect(words[0]).toEqual({ event: "stuck", id: "siren-1", message: "it does not follow" });
    wire.broken = false;
    clock.advance(300);
    await settled();
    expect(wire.high).toBe(false);
    expect(words.at(-1)).toEqual({ event: "back", id: "siren-1" });
  });

  it("that cannot be switched on is brought back, and the one who asked is told", async () => {
    const { words, wire, held } = output();
    wire.broken = true;
    await expect(held.set(true)).rejects.toMatchObject({ code: "GPIO_STUCK" });
    await settled();
    expect(words[0]).toMatchObject({ event: "stuck" });
  });

  it("is safe before it is let go", async () => {
    const { wire, held } = output();
    await held.set(true);
    await held.release();
    expect([wire.high, wire.closed]).toEqual([false, true]);
  });
});
