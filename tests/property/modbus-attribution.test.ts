import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSerialLines } from "../../drivers/serial-line/serial-lines.ts";
import type { LineSettings } from "../../drivers/serial-line/timing.ts";
import type { Exchange } from "../../gateway/ports/driver.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { Asked, Script } from "../support/modbus-frames.ts";
import { NaiveMaster } from "../support/naive-master.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { type Conduct, conducts, slow, unruly, valuesOf } from "../support/unruly-slaves.ts";
import { pass, VirtualTty } from "../support/virtual-tty.ts";

const timeoutMs = 100;
/** Longer than the first rest of a silent unit, so that the rest alone protects nothing. */
const lateBoundMs = 1500;
const doubleBoundMs = 100;
const settings: LineSettings = {
  id: "rs485-1",
  path: "/dev/virtual",
  baudRate: 9600,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
  lateBoundMs,
  doubleBoundMs,
};
/** A slave's t3.5 comes before its delay. */
const slaveSilenceMs = 5;

interface Read {
  readonly fn: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly count: number;
  readonly pauseMs: number;
}
/** Reads of one session, one after the other. */
type Session = readonly Read[];

const read = (least: number): fc.Arbitrary<Read> =>
  fc.record({
    fn: fc.constantFrom(3, 3, 3, 4, 1, 2),
    address: fc.integer({ min: 0, max: 900 }),
    count: fc.integer({ min: least, max: 4 }),
    pauseMs: fc.integer({ min: 0, max: 120 }),
  });
const sessions = fc.array(fc.array(read(1), { minLength: 2, maxLength: 8 }), { minLength: 1, maxLength: 3 });

type Master = (unit: number, read: Read) => Promise<Exchange>;
type MakeMaster = (clock: ManualClock, tty: VirtualTty) => { master: Master; close(): Promise<void> };

const ourLine =
  (changed: Partial<LineSettings> = {}): MakeMaster =>
  (clock, tty) => {
    const lines = openSerialLines([{ ...settings, ...changed }], {
      clock,
      logger: quietLogger,
      telemetry: countingTelemetry(),
      openTty: () => Promise.resolve(tty),
    });
    const line = lines.line(settings.id);
    const reads = { 1: line.readCoils, 2: line.readDiscrete, 3: line.readHolding, 4: line.readInput };
    return {
      master: (unit, { fn, address, count }) => reads[fn](unit, address, count, { timeoutMs }),
      close: lines.close,
    };
  };

const naive: MakeMaster = (clock, tty) => {
  const master = new NaiveMaster(tty, clock);
  return {
    master: (unit, { fn, address, count }) => master.read(unit, fn, address, count, timeoutMs),
    close: () => Promise.resolve(),
  };
};

/** Runs all sessions at once, each with a unit of its own; gives back what was taken for an answer and is none. */
async function wrongValues(
  make: MakeMaster,
  plan: readonly Session[],
  scriptFor: (clock: ManualClock) => Script,
  echo: boolean,
) {
  const clock = new ManualClock();
  const script = scriptFor(clock);
  const asked: Asked[] = [];
  const tty = new VirtualTty(clock, settings, (request) => {
    asked.push(request);
    return script(request);
  });
  tty.echo = echo;
  const { master, close } = make(clock, tty);
  const wrong: unknown[] = [];
  let right = 0;
  let running = plan.length;
  plan.forEach(async (session, i) => {
    for (const each of session) {
      await new Promise<void>((resolve) => clock.after(each.pauseMs, resolve));
      const exchange = await master(i + 1, each);
      if (!exchange.ok) continue;
      const nth = asked.findLastIndex(({ unit }) => unit === i + 1);
      const last = asked[nth];
      const mine = last?.function === each.fn && last.address === each.address && last.count === each.count;
      const expected = last === undefined ? [] : valuesOf({ ...last, count: each.count }, nth);
      if (mine && String(exchange.registers) === String(expected)) right++;
      else wrong.push({ unit: i + 1, ...each, got: exchange.registers, expected });
    }
    running--;
  });
  await pass(clock, 600_000, () => running === 0);
  await close();
  return { wrong, right, unfinished: running };
}

const everyConduct = conducts(lateBoundMs - slaveSilenceMs, doubleBoundMs - slaveSilenceMs);
/** Where a master that does not wait goes wrong soon: single registers of one unit, answers late within the bound. */
const singles = fc.array(
  read(1).map((each) => ({ ...each, fn: 3 as const, count: 1 })),
  { minLength: 3, maxLength: 8 },
);
const lateOrGood = fc.oneof(
  fc.constant<Conduct>({ kind: "good" }),
  fc.record({
    kind: fc.constant("late" as const),
    afterMs: fc.integer({ min: 1000, max: lateBoundMs - slaveSilenceMs }),
  }),
);

function holds(make: MakeMaster, plans: fc.Arbitrary<readonly Session[]> = sessions, conduct = everyConduct) {
  return fc.asyncProperty(plans, fc.array(conduct, { maxLength: 24 }), fc.boolean(), async (plan, list, echo) => {
    const { wrong, unfinished } = await wrongValues(make, plan, () => unruly(list), echo);
    expect(wrong).toEqual([]);
    expect(unfinished).toBe(0);
  });
}

/** A slave that once takes far longer than the bound, but answers in order. */
function holdsForSlowOnes(make: MakeMaster, session: fc.Arbitrary<Session>) {
  const delay = fc.record({ before: fc.integer({ min: 0, max: 5 }), ms: fc.integer({ min: 0, max: 6000 }) });
  return fc.asyncProperty(session, delay, async (each, { before, ms }) => {
    const delays = [...new Array<number>(before).fill(0), ms];
    const { wrong } = await wrongValues(make, [each], (clock) => slow(delays, () => clock.now()), false);
    expect(wrong).toEqual([]);
  });
}

/** Is there a run in which the property does not hold? */
async function fails<T>(property: fc.IAsyncProperty<T>, numRuns = 3000): Promise<boolean> {
  return (await fc.check(property, { numRuns, endOnFailure: true })).failed;
}

describe("no value is ever attributed to the wrong request", () => {
  it("whatever the slaves, the adapter and the noise do, within the stated bounds", async () => {
    await fc.assert(holds(ourLine()), { numRuns: 300 });
  });

  it("and the same property shows up a master that takes the next sound frame", async () => {
    expect(await fails(holds(naive))).toBe(true);
  });

  it("and it shows up our own line when it is told too small a bound", async () => {
    const plans = singles.map((session) => [session]);
    await fc.assert(holds(ourLine(), plans, lateOrGood), { numRuns: 50 });
    expect(await fails(holds(ourLine({ lateBoundMs: 0 }), plans, lateOrGood))).toBe(true);
  });

  it("nor where an answer is later than the bound, as long as the read has a shape left to prove it by", async () => {
    const several = fc.array(
      read(4).map((each) => ({ ...each, fn: 3 as const })),
      { minLength: 3, maxLength: 8 },
    );
    await fc.assert(holdsForSlowOnes(ourLine({ lateBoundMs: 100 }), several), { numRuns: 150 });
  });

  it("which is where reads of a single register have nothing but the bound", async () => {
    expect(await fails(holdsForSlowOnes(ourLine({ lateBoundMs: 100 }), singles))).toBe(true);
  });

  it("and most of what is asked of slaves that are mostly good is answered", async () => {
    const plan = [1, 2, 3].map(() =>
      Array.from({ length: 20 }, (_, i) => ({ fn: 3 as const, address: i, count: 3, pauseMs: 50 })),
    );
    const list = Array.from({ length: 60 }, (_, i) =>
      i % 10 === 9 ? { kind: "silent" as const } : { kind: "good" as const },
    );
    const { wrong, right } = await wrongValues(ourLine(), plan, () => unruly(list), false);
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThanOrEqual(50);
  });
});
