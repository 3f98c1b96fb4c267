import { beforeEach, describe, expect, test } from "vitest";
import { accepted, closed, LaneBench, numbers, range, refused } from "../../tests/support/uplink/lane-bench.ts";
import { eventEntry, MemoryLane } from "../../tests/support/uplink/memory-city-sources.ts";

describe("a refusal", () => {
  let bench: LaneBench;
  beforeEach(() => {
    bench = new LaneBench(new MemoryLane("events"));
    bench.source.append(5);
    bench.connect();
  });

  test("for lack of quota (0x97) stops the lane and is tried again without end", () => {
    const sent = bench.pull();
    for (const s of sent) s.settle(s.sequence === 2 ? refused(0x97) : accepted);
    bench.source.append(5);
    for (let tries = 0; tries < 12; tries++) {
      expect(bench.pull()).toEqual([]);
      expect(bench.lane.report(0).blocked).toMatch(/0x97 quota exceeded/);
      bench.clock.advance(1_000);
      const [again, ...rest] = bench.pull();
      expect(rest).toEqual([]);
      expect([again?.sequence, again?.replayed]).toEqual([2, true]);
      again?.settle(refused(0x97));
    }
    expect(bench.gaps.quarantine_).toEqual([]);
    expect(bench.cursor).toBe(1);
    bench.clock.advance(1_000);
    for (const s of bench.pull()) s.settle(accepted);
    expect(bench.cursor).toBe(5);
    expect(bench.lane.report(0).blocked).toBeUndefined();
    expect(numbers(bench.pull())).toEqual(range(6, 10));
  });

  test.each([0x90, 0x95, 0x99])("for good (0x%i) sets the message aside, and the lane goes on", (code) => {
    for (const s of bench.pull()) s.settle(s.sequence === 3 ? refused(code) : accepted);
    expect(bench.cursor).toBe(5);
    expect(bench.gaps.quarantine_.map((q) => q.seq)).toEqual([3]);
    expect(bench.gapsMet).toBe(1);
    expect(bench.lane.report(0).ledger).toEqual({ accepted: 5, delivered: 4, pending: 0, quarantined: 1, evicted: 0 });
  });

  test.each([0x80, 0x83, 0x91, 0xa5])("of unknown cause (%i) is tried eight times, then set aside", (code) => {
    for (const s of bench.pull()) s.settle(s.sequence === 3 ? refused(code) : accepted);
    for (let tries = 2; tries <= 8; tries++) {
      bench.clock.advance(60_000);
      const again = bench.pull();
      expect(numbers(again)).toEqual([3]);
      again[0]?.settle(refused(code));
    }
    expect(bench.gaps.quarantine_.map((q) => q.seq)).toEqual([3]);
    expect(bench.cursor).toBe(5);
  });

  test("of unknown cause of everything costs one message, and the rest waits", () => {
    for (let i = 0; i < 200; i++) {
      for (const s of bench.pull()) s.settle(refused(0x80));
      bench.clock.advance(60_000);
    }
    expect(bench.gaps.quarantine_).toHaveLength(1);
    expect(bench.cursor).toBe(1);
  });

  test("for lack of rights (0x87) sets nothing aside and looks again once a minute", () => {
    for (let minute = 0; minute < 30; minute++) {
      for (const s of bench.pull()) s.settle(refused(0x87));
      bench.clock.advance(59_000);
      expect(bench.pull()).toEqual([]);
      bench.clock.advance(1_000);
    }
    expect(bench.gaps.quarantine_).toEqual([]);
    for (let i = 0; i < 10; i++) for (const s of bench.pull()) s.settle(accepted);
    expect(bench.cursor).toBe(5);
  });

  test("that is repaired while another waits leaves neither behind", () => {
    const sent = bench.pull();
    sent[3]?.settle(refused(0x97));
    bench.clock.advance(1_000);
    const again = bench.pull();
    expect(numbers(again)).toEqual([4]);
    // An earlier one is refused while the repair is under way.
    sent[1]?.settle(refused(0x97));
    for (const s of [sent[0], sent[2], sent[4]]) s?.settle(accepted);
    again[0]?.settle(accepted);
    bench.clock.advance(1_000);
    for (const s of bench.pull()) s.settle(accepted);
    expect(bench.cursor).toBe(5);
  });

  test("of a message that retention removed meanwhile is over", () => {
    for (const s of bench.pull()) s.settle(s.sequence === 2 ? refused(0x97) : accepted);
    bench.source.remove(2, 2);
    bench.gaps.declare("events", 2, 2, "retention");
    bench.clock.advance(1_000);
    bench.pull();
    expect(bench.cursor).toBe(5);
  });

  test("for its size is not even sent where the broker says what it takes", () => {
    const big = new LaneBench(
      new MemoryLane("events", (seq) =>
        seq === 2 ? { ...eventEntry(seq), data: `{"x":"${"火".repeat(500)}"}` } : eventEntry(seq),
      ),
    );
    big.source.append(3);
    const sent = big.connect(1_500).pull();
    expect(numbers(sent)).toEqual([1, 3]);
    for (const s of sent) s.settle(accepted);
    expect(big.gaps.quarantine_).toEqual([{ lane: "events", seq: 2, reason: "0x95 packet too large" }]);
    expect(big.cursor).toBe(3);
  });

  test("by closing the connection is found and set aside, and the lane goes on", () => {
    let connections = 0;
    while (bench.cursor < 5 && connections < 100) {
      if (connections > 0) bench.connect();
      connections += 1;
      for (let open = true; open; ) {
        const sent = bench.pull();
        if (sent.length === 0) break;
        for (const s of sent) {
          if (s.sequence === 3) open = false;
          if (open) s.settle(accepted);
        }
      }
      bench.lane.detach(closed);
    }
    expect(bench.gaps.quarantine_.map((q) => q.seq)).toEqual([3]);
    expect(bench.cursor).toBe(5);
    expect(connections).toBeLessThan(12);
  });
});
