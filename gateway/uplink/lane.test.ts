import { beforeEach, describe, expect, test } from "vitest";
import { accepted, closed, LaneBench, numbers, range } from "../../tests/support/uplink/lane-bench.ts";
import { eventEntry, MemoryCursors, MemoryLane } from "../../tests/support/uplink/memory-city-sources.ts";
import { LaneAccount, laneCursors } from "./ledger.ts";

describe("a lane", () => {
  let bench: LaneBench;
  beforeEach(() => {
    bench = new LaneBench(new MemoryLane("events"));
  });

  test("sends in the order of its numbers, no more than its window, and settles in any", () => {
    bench.source.append(200);
    const first = bench.connect().pull();
    expect(numbers(first)).toEqual(range(1, 50));
    for (const sent of first.slice(1).reverse()) sent.settle(accepted);
    expect(bench.cursor).toBe(0);
    expect(bench.pull()).toEqual([]);
    first[0]?.settle(accepted);
    expect(bench.cursor).toBe(50);
    expect(numbers(bench.pull())).toEqual(range(51, 100));
  });

  test("reads no more than a window ahead, however much waits", () => {
    bench.source.append(1_000_000);
    bench.connect();
    for (let i = 0; i < 20; i++) for (const sent of bench.pull(7)) sent.settle(accepted);
    expect(bench.source.mostRead).toBeLessThanOrEqual(50);
  });

  test("begins at the cursor after a cut, in order, and marks what is sent again", () => {
    bench.source.append(10);
    const live = bench.connect().pull();
    for (const sent of live.slice(0, 3)) sent.settle(accepted);
    live[5]?.settle(accepted);
    bench.lane.detach(closed);
    live[3]?.settle(accepted);
    expect(bench.cursor).toBe(3);
    const again = bench.connect().pull();
    expect(numbers(again)).toEqual(range(4, 10));
    expect(again.every((sent) => sent.replayed)).toBe(true);
  });

  test("marks as replayed exactly what was in the log when the connection was ready, and what waited a minute", () => {
    bench.source.append(2);
    bench.connect();
    const live = new LaneBench(
      new MemoryLane("events", (seq) => ({ ...eventEntry(seq), at: live.clock.now() - (seq === 4 ? 60_001 : 0) })),
    );
    live.source.append(2);
    live.connect();
    live.source.append(2);
    expect(live.pull().map((sent) => [sent.sequence, sent.replayed])).toEqual([
      [1, true],
      [2, true],
      [3, false],
      [4, true],
    ]);
  });

  test("goes past numbers that retention removed, and has the gap told", () => {
    bench.source.append(20);
    bench.source.remove(5, 9);
    bench.gaps.declare("events", 5, 9, "retention");
    const sent = bench.connect().pull();
    expect(numbers(sent)).toEqual([...range(1, 4), ...range(10, 20)]);
    expect(bench.gapsMet).toBe(1);
    for (const s of sent) s.settle(accepted);
    expect(bench.cursor).toBe(20);
    expect(bench.lane.report(0).ledger).toEqual({
      accepted: 20,
      delivered: 15,
      pending: 0,
      quarantined: 0,
      evicted: 5,
    });
  });

  test("is woken by what is appended, and has nothing to say before it is attached or after it is detached", () => {
    bench.source.append(1);
    expect(bench.lane.next()).toBeUndefined();
    bench.connect().pull();
    const before = bench.woken;
    bench.source.append(1);
    expect(bench.woken).toBe(before + 1);
    expect(numbers(bench.pull())).toEqual([2]);
    bench.lane.detach(closed);
    expect(bench.lane.next()).toBeUndefined();
  });

  test("paces what is older than the connection, and nothing else", () => {
    const paced = new LaneBench(new MemoryLane("events"), { backlogRate: 100 });
    paced.source.append(25);
    paced.connect();
    expect(paced.pull()).toHaveLength(10);
    paced.clock.advance(50);
    expect(paced.pull()).toHaveLength(5);
    paced.clock.advance(100);
    expect(paced.pull()).toHaveLength(10);
    paced.source.append(20);
    expect(paced.pull()).toHaveLength(20);
  });

  test("survives a log that cannot be read for a while", () => {
    bench.source.append(3);
    bench.connect();
    bench.source.failReads(new Error("disk"));
    expect(bench.pull()).toEqual([]);
    bench.source.failReads(undefined);
    bench.clock.advance(5_000);
    expect(numbers(bench.pull())).toEqual([1, 2, 3]);
  });

  test("does not begin beyond the log: a cursor of an older numbering counts for nothing", () => {
    const cursors = new MemoryCursors();
    cursors.set(laneCursors.events, 1_000);
    const source = new MemoryLane("events");
    source.append(5);
    const account = new LaneAccount(source, cursors, () => bench.gaps.ledger(source, 0), bench.clock);
    expect(account.cursor).toBe(0);
    expect(cursors.get(laneCursors.events)).toBe(0);
  });
});
