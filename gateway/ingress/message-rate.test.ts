import { describe, expect, it } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { MessageRate } from "./message-rate.ts";

describe("the rate of a device's messages", () => {
  it("is that of the last minutes, and nothing after a silence", () => {
    const clock = new ManualClock();
    const rate = new MessageRate(clock);
    expect(rate.perMinute()).toBe(0);
    for (let i = 0; i < 120; i++) {
      rate.add(1);
      clock.advance(5000);
    }
    expect(rate.perMinute()).toBeCloseTo(12, 0);
    clock.advance(150_000);
    expect(rate.perMinute()).toBeLessThan(12);
    expect(rate.perMinute()).toBeGreaterThan(3);
    clock.advance(300_000);
    expect(rate.perMinute()).toBe(0);
  });

  it("of the first minute is not made larger by its shortness, nor by a step of the wall clock", () => {
    const clock = new ManualClock();
    const rate = new MessageRate(clock);
    rate.add(7);
    clock.advance(1000);
    clock.step(3_600_000);
    expect(rate.perMinute()).toBe(7);
  });
});
