import { describe, expect, it } from "vitest";
import { Progress } from "./progress.ts";
import { table, widthOf } from "./table.ts";

describe("a table", () => {
  it("keeps its columns under each other, Chinese signs being two wide and numbers to the right", () => {
    expect(
      table([
        ["火警", 7, "Fire"],
        ["a", 1234, ""],
      ]),
    ).toEqual(["  火警     7  Fire", "  a     1234"]);
  });

  it("of no rows has no lines", () => {
    expect(table([])).toEqual([]);
  });

  it("knows wide punctuation too", () => {
    expect(widthOf("3栋（北）")).toBe(9);
  });
});

describe("the progress of long work", () => {
  function shown(isTTY: boolean, of: number): string {
    let text = "";
    const screen = { isTTY, write: (more: string) => (text += more) };
    const progress = new Progress("replaying", screen);
    for (const done of [0, of / 4, of / 4 + 1, of]) progress.at(done, of);
    progress.end();
    return text;
  }

  it("is one line of a terminal that changes by the percent and leaves nothing behind", () => {
    expect(shown(true, 100_000)).toBe(
      `\rreplaying 0 %\rreplaying 25 %\rreplaying 100 %\r${" ".repeat("replaying 100 %".length)}\r`,
    );
  });

  it("is not shown elsewhere, nor where the work is short", () => {
    expect(shown(false, 100_000)).toBe("");
    expect(shown(true, 500)).toBe("");
  });
});
