import { describe, expect, test } from "vitest";
import { accepted, LaneBench, range, refused, topics } from "../../tests/support/uplink/lane-bench.ts";
import { alarmOf, MemoryLane, stepEntry } from "../../tests/support/uplink/memory-city-sources.ts";

describe("the alarm lane", () => {
  const raised = alarmOf(1, 1);
  const updated = alarmOf(1, 2, { count: 2 });
  const over = alarmOf(1, 3, { state: "closed" });

  test("publishes the alarm and then its state, and is settled only when both are acknowledged", () => {
    const bench = new LaneBench(new MemoryLane("alarms", (seq) => stepEntry(seq, raised)));
    bench.source.append(1);
    const [message, state] = bench.connect().pull();
    expect(message?.topic).toBe(topics.alarms);
    expect(state?.topic).toBe(topics.active(raised.id));
    expect(JSON.parse(state?.payload ?? "").data).toEqual(raised);
    message?.settle(accepted);
    expect(bench.cursor).toBe(0);
    state?.settle(accepted);
    expect(bench.cursor).toBe(1);
  });

  test("empties the state of an alarm that closed, and leaves the state to the newest step", () => {
    const steps = [raised, updated, over];
    const bench = new LaneBench(new MemoryLane("alarms", (seq) => stepEntry(seq, steps[seq - 1] ?? raised, seq === 3)));
    bench.source.append(3);
    const sent = bench.connect().pull();
    expect(sent.map((s) => [s.topic, s.payload === ""])).toEqual([
      [topics.alarms, false],
      [topics.alarms, false],
      [topics.alarms, false],
      [topics.active(raised.id), true],
    ]);
  });

  test("sends the state that it began even when a refusal stops it", () => {
    const bench = new LaneBench(new MemoryLane("alarms"));
    bench.source.append(3);
    const [first] = bench.connect().pull(1);
    first?.settle(refused(0x97));
    const [state] = bench.pull(1);
    expect(state?.topic).toMatch(/active/);
    state?.settle(accepted);
    expect(bench.pull()).toEqual([]);
    bench.clock.advance(1_000);
    for (let i = 0; i < 4; i++) for (const s of bench.pull()) s.settle(accepted);
    expect(bench.cursor).toBe(3);
  });

  test("counts an alarm as delivered whose state the broker will never take", () => {
    const bench = new LaneBench(new MemoryLane("alarms"));
    bench.source.append(1);
    const [message, state] = bench.connect().pull();
    message?.settle(accepted);
    state?.settle(refused(0x95));
    expect(bench.cursor).toBe(1);
    expect(bench.gaps.quarantine_).toEqual([]);
    expect(bench.telemetry.total("zhian_uplink_state_refused_total")).toBe(1);
  });

  test("is not paced", () => {
    const bench = new LaneBench(new MemoryLane("alarms"));
    bench.source.append(40);
    expect(bench.connect().pull()).toHaveLength(80);
  });

  test("keeps to the order of its numbers behind a short backlog", () => {
    const bench = new LaneBench(new MemoryLane("alarms"));
    bench.source.append(200);
    bench.connect();
    bench.source.append(1);
    const order: number[] = [];
    while (bench.cursor < 201) {
      for (const s of bench.pull()) {
        if (s.topic === topics.alarms) order.push(s.sequence);
        s.settle(accepted);
      }
    }
    expect(order).toEqual(range(1, 201));
  });
});

describe("a live alarm behind a long backlog of alarms", () => {
  /** A thousand alarms of the outage; 1001 raises a new one, 1002 updates one of the backlog, 1003 updates the new one. */
  const entry = (seq: number) =>
    seq === 1_002
      ? stepEntry(seq, alarmOf(7, 2))
      : seq === 1_003
        ? stepEntry(seq, alarmOf(1_001, 2))
        : stepEntry(seq, alarmOf(seq, 1), seq !== 7 && seq !== 1_001);

  test("is the next that is sent, its later steps behind it, and each is delivered once", () => {
    const bench = new LaneBench(new MemoryLane("alarms", entry));
    bench.source.append(1_000);
    bench.connect();
    const before = bench.pull(20);
    expect(before.filter((s) => s.topic === topics.alarms).every((s) => s.replayed)).toBe(true);
    bench.source.append(3);
    const next = bench.pull(3).filter((s) => s.topic === topics.alarms);
    expect(next.map((s) => [s.sequence, s.replayed])).toEqual([
      [1_001, false],
      [1_003, false],
    ]);
    let waiting = bench.sent.slice();
    while (bench.cursor < 1_003) {
      for (const s of waiting) s.settle(accepted);
      waiting = bench.pull();
    }
    const lane = bench.sent.filter((s) => s.topic === topics.alarms).map((s) => s.sequence);
    expect(lane.toSorted((a, b) => a - b)).toEqual(range(1, 1_003));
    expect(bench.lane.report(0).ledger).toMatchObject({ accepted: 1_003, delivered: 1_003, pending: 0 });
  });

  test("waits its turn after all when the broker refuses it", () => {
    const bench = new LaneBench(new MemoryLane("alarms", entry));
    bench.source.append(1_000);
    bench.connect();
    bench.source.append(3);
    for (const s of bench.pull(2)) s.settle(refused(0x97));
    const orders: number[] = [];
    for (let i = 0; i < 200 && bench.cursor < 1_003; i++) {
      bench.clock.advance(1_000);
      for (const s of bench.pull()) {
        if (s.topic === topics.alarms) orders.push(s.sequence);
        s.settle(accepted);
      }
    }
    expect(orders).toEqual(range(1, 1_003));
  });
});
