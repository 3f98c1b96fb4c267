import { describe, expect, it } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { FlowMeter } from "./flow-meter.ts";

const limits = { messagesPerSecond: 10, messageBurst: 20, bytesPerSecond: 1000, byteBurst: 5000, floodQuietMs: 30_000 };

function start() {
  const clock = new ManualClock();
  const edges: boolean[] = [];
  return { clock, edges, meter: new FlowMeter(clock, limits, (active) => edges.push(active)) };
}

describe("a device's share of the traffic", () => {
  it("lets a burst through, then asks for as long as the excess takes at the steady rate", () => {
    const { meter, clock } = start();
    expect(meter.take(20, 100)).toBe(0);
    expect(meter.take(5, 0)).toBe(500);
    clock.advance(500);
    expect(meter.take(1, 0)).toBe(100);
  });

  it("counts bytes as well as messages", () => {
    const { meter } = start();
    expect(meter.take(1, 6000)).toBe(1000);
  });

  it("does not save up more than a burst", () => {
    const { meter, clock } = start();
    clock.advance(3_600_000);
    expect(meter.take(21, 0)).toBe(100);
  });

  it("says once that a flood begins, and once that it is over, when it has been quiet", () => {
    const { meter, clock, edges } = start();
    meter.take(30, 0);
    meter.take(30, 0);
    expect(edges).toEqual([true]);
    expect(meter.flooding).toBe(true);
    clock.advance(29_000);
    meter.take(300, 0);
    clock.advance(29_999);
    expect(edges).toEqual([true]);
    clock.advance(1);
    expect(edges).toEqual([true, false]);
    meter.take(30, 0);
    meter.take(200, 0);
    expect(edges).toEqual([true, false, true]);
  });
});
