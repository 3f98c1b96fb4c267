import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, reconnectBackoff } from "./backoff.ts";

test("a pause lies between half a second and thirty, and its ceiling doubles with every attempt", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map((n) => backoffMs(n, () => 0.999_999, reconnectBackoff))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect(backoffMs(9, () => 0, reconnectBackoff)).toBe(500);
});

test("gateways that lost one broker together come back spread over the whole range", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (n, r) => {
        const ms = backoffMs(n, () => r, reconnectBackoff);
        expect(ms).toBeGreaterThanOrEqual(500);
        expect(ms).toBeLessThanOrEqual(30_000);
      },
    ),
  );
  const spread = Array.from({ length: 100 }, (_, i) => backoffMs(6, () => i / 100, reconnectBackoff));
  expect(new Set(spread.map((ms) => Math.floor(ms / 3_000))).size).toBe(10);
});
