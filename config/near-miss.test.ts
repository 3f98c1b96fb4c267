import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearMiss } from "./near-miss.ts";

describe("a near miss", () => {
  it.each([
    ["baud_rate", "baudRate"],
    ["BaudRate", "baudRate"],
    ["baudrate", "baudRate"],
    ["boudRate", "baudRate"],
    ["padth", "path"],
    ["pariyt", "parity"],
  ])("of %s is %s", (word, meant) => {
    expect(nearMiss(word, ["id", "path", "baudRate", "parity"])).toBe(meant);
  });

  it("is not claimed where nothing is near", () => {
    expect(nearMiss("speed", ["id", "path", "baudRate", "parity"])).toBeUndefined();
    expect(nearMiss("x", ["id"])).toBeUndefined();
  });
});

describe("the distance of two words", () => {
  it("counts insertions, removals, replacements and neighbours changed over", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("zone", "zoen")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
  });

  it("is the same both ways, and nothing only for equal words", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});
