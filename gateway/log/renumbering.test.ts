import { describe, expect, test } from "vitest";
import { Renumbering } from "./renumbering.ts";

describe("new numbers for what is left", () => {
  test("have no hole, and an old cursor becomes the number of rows that are left up to it", () => {
    const numbers = new Renumbering();
    expect([3, 4, 5, 9, 10, 20].map((old) => numbers.add(old))).toEqual([1, 2, 3, 4, 5, 6]);
    const cursors = [0, 2, 3, 4, 5, 6, 8, 9, 10, 15, 20, 1000];
    expect(cursors.map((old) => numbers.upTo(old))).toEqual([0, 0, 1, 2, 3, 3, 3, 4, 5, 5, 6, 6]);
  });

  test("of nothing are none", () => {
    expect(new Renumbering().upTo(100)).toBe(0);
  });
});
