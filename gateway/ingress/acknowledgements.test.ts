import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Acknowledgements, type Withheld } from "./acknowledgements.ts";

function start(over: Partial<ConstructorParameters<typeof Acknowledgements>[0]> = {}) {
  const clock = new ManualClock();
  const released: number[] = [];
  const withheld: Withheld[] = [];
  const full: boolean[] = [];
  const acknowledgements = new Acknowledgements({
    clock,
    handleWithinMs: 30_000,
    windowMessages: 4,
    windowBytes: 1000,
    onFull: (now) => full.push(now),
    onWithheld: (each) => withheld.push(each),
    ...over,
  });
  const settlers: PromiseWithResolvers<void>[] = [];
  const hold = (bytes = 1) => {
    const index = settlers.push(Promise.withResolvers<void>()) - 1;
    acknowledgements.hold(settlers[index]?.promise ?? Promise.resolve(), bytes, () => released.push(index));
  };
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, acknowledgements, released, withheld, full, settlers, hold, turn };
}

describe("acknowledgements", () => {
  it("leave in the order of arrival, in whatever order the commits end; after a failure none leaves", async () => {
    const scenario = fc.integer({ min: 1, max: 30 }).chain((count) =>
      fc.record({
        order: fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }),
        fails: fc.option(fc.integer({ min: 0, max: count - 1 }), { nil: undefined }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(scenario, async ({ order, fails }) => {
        const { released, withheld, settlers, hold, turn } = start();
        for (const _ of order) hold();
        const settled = new Set<number>();
        let failed = false;
        for (const index of order) {
          if (index === fails) settlers[index]?.reject(new Error("disk"));
          else settlers[index]?.resolve();
          failed ||= index === fails;
          if (!failed) settled.add(index);
          await turn();
          let prefix = 0;
          while (settled.has(prefix)) prefix += 1;
          expect(released).toEqual([...Array(prefix).keys()]);
        }
        expect(withheld.length).toBe(fails === undefined ? 0 : 1);
      }),
      { numRuns: 150 },
    );
  });

  it("are given up when the oldest message takes too long, though newer ones are done", async () => {
    const { clock, released, withheld, settlers, hold, turn } = start();
    hold();
    clock.advance(20_000);
    hold();
    settlers[1]?.resolve();
    await turn();
    clock.advance(9_999);
    expect(withheld).toEqual([]);
    clock.advance(1);
    expect(withheld).toEqual([{ why: "timeout" }]);
    settlers[0]?.resolve();
    await turn();
    expect(released).toEqual([]);
  });

  it("measure each message from its own arrival", async () => {
    const { clock, withheld, settlers, hold, turn } = start();
    hold();
    clock.advance(20_000);
    hold();
    settlers[0]?.resolve();
    await turn();
    clock.advance(29_999);
    expect(withheld).toEqual([]);
    clock.advance(1);
    expect(withheld).toEqual([{ why: "timeout" }]);
  });

  it("say when the window is full by count or by bytes, and when half of it is free again", async () => {
    const { full, settlers, hold, turn } = start();
    for (let i = 0; i < 4; i++) hold();
    expect(full).toEqual([true]);
    settlers[0]?.resolve();
    await turn();
    expect(full).toEqual([true]);
    settlers[1]?.resolve();
    await turn();
    expect(full).toEqual([true, false]);
    hold(1000);
    expect(full).toEqual([true, false, true]);
  });

  it("are idle when nothing waits or the connection is gone", async () => {
    const { acknowledgements, hold } = start();
    await acknowledgements.idle();
    hold();
    const idle = acknowledgements.idle();
    acknowledgements.abandon();
    await idle;
  });
});
