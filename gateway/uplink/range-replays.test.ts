import { beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { eventEntry, MemoryLane } from "../../tests/support/uplink/memory-city-sources.ts";
import type { Outgoing } from "./dispatcher.ts";
import { laneWriter } from "./envelope.ts";
import { RangeReplays, rangeRate } from "./range-replays.ts";

const writer = laneWriter({ source: "/x", siteId: "s", gatewayId: "g" }, "events", "e-1");

describe("a range that the city asked for again", () => {
  const clock = new ManualClock();
  let source: MemoryLane;
  let ranges: RangeReplays;
  const link = { wake: () => {} };
  const range = (from: number, to: number) => ({ source, writer, topic: "events", from, to });
  const sequence = (message: Outgoing): number => Number(JSON.parse(message.payload).sequence);

  function pull(): Outgoing[] {
    const out: Outgoing[] = [];
    for (let message = ranges.next(); message !== undefined; message = ranges.next()) out.push(message);
    return out;
  }

  function run(): number[] {
    const out: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      for (const message of pull()) {
        expect(JSON.parse(message.payload).replayed).toBe(true);
        out.push(sequence(message));
        message.settle({ kind: "accepted", heard: true });
      }
      clock.advance(100);
    }
    return out;
  }

  beforeEach(() => {
    source = new MemoryLane("events");
    source.append(10_000);
    ranges = new RangeReplays(clock, quietLogger, countingTelemetry());
    ranges.attach(link);
  });

  test("is sent in order, both ends included, without its holes, and then the next", () => {
    source.remove(15, 20);
    ranges.add(range(10, 30));
    ranges.add(range(100, 102));
    expect(run()).toEqual([10, 11, 12, 13, 14, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 100, 101, 102]);
  });

  test("is paced, with few messages under way", () => {
    ranges.add(range(1, 10_000));
    expect(pull().length).toBeLessThanOrEqual(32);
    ranges.detach();
    ranges.attach(link);
    let sent = 0;
    for (let ms = 0; ms < 2_000; ms++) {
      clock.advance(1);
      for (const message of pull()) {
        sent += 1;
        message.settle({ kind: "accepted", heard: true });
      }
    }
    expect(sent).toBeGreaterThan(rangeRate * 1.9);
    expect(sent).toBeLessThan(rangeRate * 2.2);
  });

  test("goes on on the next connection where it was acknowledged", () => {
    ranges.add(range(1, 50));
    const first = pull();
    for (const message of first.slice(0, 5)) message.settle({ kind: "accepted", heard: true });
    ranges.detach();
    for (const message of first.slice(5)) message.settle({ kind: "lost" });
    expect(pull()).toEqual([]);
    ranges.attach(link);
    clock.advance(1_000);
    expect(run()).toEqual(Array.from({ length: 45 }, (_, i) => i + 6));
  });

  test("is given up after ten setbacks in a row, and the next has its turn", () => {
    ranges.add(range(1, 3));
    ranges.add(range(7, 7));
    for (let i = 0; i < 11; i++) {
      for (const message of pull()) if (sequence(message) < 7) message.settle({ kind: "refused", code: 0x97 });
      clock.advance(5_000);
    }
    expect(run()).toEqual([7]);
  });

  test("leaves out what the broker does not take, and survives a log that cannot be read for a while", () => {
    source = new MemoryLane("events", (seq) =>
      seq === 2 ? { ...eventEntry(seq), data: `"${"x".repeat(5_000)}"` } : eventEntry(seq),
    );
    source.append(5);
    ranges.attach({ ...link, maximumPacketSize: 3_000 });
    ranges.add(range(1, 5));
    source.failReads(new Error("disk"));
    expect(pull()).toEqual([]);
    source.failReads(undefined);
    clock.advance(5_000);
    expect(run()).toEqual([1, 3, 4, 5]);
  });
});
