import { describe, expect, test } from "vitest";
import { AdaptiveLimit } from "./adaptive-limit.ts";

/** A line that carries one message every `perMessage` ms after a round trip of `base` ms. */
function run(options: { base: number; perMessage: number; forMs: number; max?: number }): {
  limit: AdaptiveLimit;
  slowest: number;
} {
  const limit = new AdaptiveLimit(options.max ?? 468);
  const flying: { sent: number; done: number }[] = [];
  let lineFree = 0;
  let slowest = 0;
  for (let now = 0; now < options.forMs; now++) {
    while (flying[0] !== undefined && flying[0].done <= now) {
      const message = flying.shift();
      if (message === undefined) break;
      if (now > options.forMs / 2) slowest = Math.max(slowest, now - message.sent);
      limit.acknowledged(now, now - message.sent, flying.length + 1);
    }
    while (flying.length < limit.limit) {
      lineFree = Math.max(lineFree, now) + options.perMessage;
      flying.push({ sent: now, done: lineFree + options.base });
    }
  }
  return { limit, slowest };
}

describe("the limit of bulk messages in flight", () => {
  test("opens wide on a quick line", () => {
    expect(run({ base: 2, perMessage: 0.05, forMs: 5_000 }).limit.limit).toBe(468);
  });

  test("opens wide on a long line that is not congested", () => {
    expect(run({ base: 600, perMessage: 0.5, forMs: 20_000 }).limit.limit).toBe(468);
  });

  test("keeps the queue below half a second on a line of 64 kbit/s", () => {
    const { limit, slowest } = run({ base: 40, perMessage: 80, forMs: 120_000 });
    expect(limit.limit).toBeLessThan(8);
    expect(slowest).toBeLessThan(700);
  });

  test("sends one or two at a time where the broker acknowledges one a second", () => {
    const { limit, slowest } = run({ base: 0, perMessage: 1000, forMs: 300_000 });
    expect(limit.limit).toBeLessThanOrEqual(2);
    expect(slowest).toBeLessThanOrEqual(3_000);
  });

  test("never goes beyond what the broker takes", () => {
    expect(run({ base: 1, perMessage: 0.01, forMs: 2_000, max: 3 }).limit.limit).toBe(3);
    expect(new AdaptiveLimit(0).limit).toBe(1);
  });
});
