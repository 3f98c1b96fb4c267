import { describe, expect, it } from "vitest";
import { CityChecker, type LaneMessage } from "./checker.ts";
import { RangeSet } from "./ranges.ts";

const place = { gateway: "s/gw-01", lane: "alarms", epoch: "e1" };
function message(sequence: number, more: Partial<LaneMessage> = {}): LaneMessage {
  return { ...place, sequence, id: `id-${sequence}`, subject: "a", timeMs: 1000 + sequence, ...more };
}
const hear = (checker: CityChecker, ...sequences: number[]) => sequences.map((n) => checker.accept(message(n)));

describe("a set of ranges", () => {
  it("joins what touches and finds the holes of two", () => {
    const seen = new RangeSet();
    for (const value of [5, 3, 4, 9, 1, 10]) seen.add(value);
    const declared = new RangeSet();
    declared.add(7, 8);
    expect(seen.holes(1, 12, declared)).toEqual([
      { from: 2, to: 2 },
      { from: 6, to: 6 },
      { from: 11, to: 12 },
    ]);
    expect([seen.size, seen.lowest, seen.highest, seen.has(4), seen.has(2)]).toEqual([6, 1, 10, true, false]);
    seen.add(1, 12);
    expect(seen.holes(1, 12, new RangeSet())).toEqual([]);
  });
});

describe("the city's checking", () => {
  it("finds what was lost, at the beginning, in the middle and at the end", () => {
    const checker = new CityChecker();
    hear(checker, 2, 3, 6);
    checker.expectHead(place, 8);
    expect(checker.missing()).toEqual([
      { ...place, from: 1, to: 1 },
      { ...place, from: 4, to: 5 },
      { ...place, from: 7, to: 8 },
    ]);
  });

  it("does not miss what a gap declared, but what lies beside it", () => {
    const checker = new CityChecker();
    hear(checker, 1, 6);
    checker.declare({ ...place, from: 2, to: 4 });
    expect(checker.missing()).toEqual([{ ...place, from: 5, to: 5 }]);
  });

  it("begins with the first that it hears where it came late", () => {
    const checker = new CityChecker({ dueFrom: "first-heard" });
    checker.expectHead(place, 40);
    expect(checker.missing()).toEqual([]);
    hear(checker, 41, 43);
    expect(checker.missing()).toEqual([{ ...place, from: 42, to: 42 }]);
  });

  it("keeps epochs, lanes and gateways apart", () => {
    const checker = new CityChecker();
    hear(checker, 1, 2);
    checker.accept(message(1, { epoch: "e2", id: "x" }));
    checker.accept(message(1, { lane: "events", id: "y" }));
    checker.accept(message(1, { gateway: "s/gw-02", id: "z" }));
    expect(checker.missing()).toEqual([]);
    expect(checker.lanes().length).toBe(4);
    expect(checker.counters).toMatchObject({ distinct: 5, duplicates: 0, conflicts: 0 });
  });

  it("removes duplicates, which are no disorder", () => {
    const checker = new CityChecker();
    expect(hear(checker, 1, 2, 3, 1, 2, 4)).toEqual(["new", "new", "new", "duplicate", "duplicate", "new"]);
    expect(checker.counters).toEqual({ received: 6, distinct: 4, duplicates: 2, conflicts: 0, disorder: 0 });
  });

  it("finds an id at two places and a place with two ids", () => {
    const checker = new CityChecker();
    hear(checker, 1);
    expect(checker.accept(message(2, { id: "id-1" }))).toBe("conflict");
    expect(checker.accept(message(1, { id: "other" }))).toBe("conflict");
    expect(checker.conflicts.length).toBe(2);
  });

  it("finds numbers that run backwards within a subject, and not between subjects", () => {
    const checker = new CityChecker();
    hear(checker, 1, 4);
    checker.accept(message(3, { subject: "b" }));
    expect(checker.counters.disorder).toBe(0);
    hear(checker, 2);
    expect(checker.disorder).toEqual([{ ...place, subject: "a", sequence: 2, after: 4, of: "sequence" }]);
  });

  it("finds times that run backwards among the steps of an alarm, and allows them among observations", () => {
    const checker = new CityChecker();
    checker.accept(message(1, { lane: "events", timeMs: 2000 }));
    checker.accept(message(2, { lane: "events", timeMs: 1000 }));
    expect(checker.counters.disorder).toBe(0);
    checker.accept(message(1, { id: "a1", timeMs: 2000 }));
    checker.accept(message(2, { id: "a2", timeMs: 1000 }));
    expect(checker.disorder.map(({ of }) => of)).toEqual(["time"]);
  });

  it("takes what it asked for again in any order", () => {
    const checker = new CityChecker();
    hear(checker, 1, 5);
    checker.expectReplay({ ...place, from: 2, to: 4 });
    hear(checker, 4, 2, 3);
    expect(checker.counters.disorder).toBe(0);
    expect(checker.missing()).toEqual([]);
  });
});
