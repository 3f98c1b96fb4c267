import { describe, expect, it } from "vitest";
import { BodyBudget } from "./body-budget.ts";

describe("the budget of large packets", () => {
  it("grants while there is room and lets later ones wait, first come first served", () => {
    const budget = new BodyBudget(100);
    const granted: string[] = [];
    const first = budget.acquire(60, () => granted.push("first"));
    budget.acquire(60, () => granted.push("second"));
    budget.acquire(10, () => granted.push("small, but later"));
    expect(granted).toEqual(["first"]);
    first.release();
    expect(granted).toEqual(["first", "second", "small, but later"]);
  });

  it("gives one that is larger than everything the whole of it, so that nothing waits for ever", () => {
    const budget = new BodyBudget(100);
    const granted: string[] = [];
    const small = budget.acquire(1, () => granted.push("small"));
    budget.acquire(1000, () => granted.push("giant"));
    expect(granted).toEqual(["small"]);
    small.release();
    expect(granted).toEqual(["small", "giant"]);
  });

  it("forgets one that gives up waiting, and takes nothing back twice", () => {
    const budget = new BodyBudget(100);
    const granted: string[] = [];
    const first = budget.acquire(100, () => granted.push("first"));
    const second = budget.acquire(100, () => granted.push("second"));
    second.release();
    first.release();
    first.release();
    budget.acquire(100, () => granted.push("third"));
    budget.acquire(1, () => granted.push("fourth"));
    expect(granted).toEqual(["first", "third"]);
  });
});
