import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { tailgating } from "./tailgating.ts";

const bench = () => new FusionBench(withDefaults([tailgating]));

function grant(b: FusionBench): void {
  b.observe("gate-1", "b3-u1", { kind: "access.granted", body: { delivery: "live" } });
}
function passage(b: FusionBench): void {
  for (const active of [true, false]) {
    b.observe("count-1", "b3-u1", { kind: "contact.state", body: { active, role: "passage" } });
  }
}

describe("tailgating", () => {
  test("is told once where two pass and one was let in", () => {
    const b = bench();
    grant(b);
    passage(b);
    expect(b.steps()).toEqual([]);
    passage(b);
    passage(b);
    expect(b.steps()).toEqual(["raised", "returned"]);
    expect(b.desk.open()[0]).toMatchObject({ severity: "warning", causes: ["o2", "o4"] });
  });

  test("is none where each who passes was let in, before or a little after", () => {
    const b = bench();
    grant(b);
    grant(b);
    passage(b);
    passage(b);
    grant(b);
    passage(b);
    expect(b.steps()).toEqual([]);
  });

  test("is none where somebody goes out, or the exit button let the door go", () => {
    const b = bench();
    passage(b);
    passage(b);
    grant(b);
    b.observe("gate-1", "b3-u1", { kind: "door.released", body: { delivery: "live", by: "exit-button" } });
    passage(b);
    passage(b);
    expect(b.steps()).toEqual([]);
  });

  test("counts anew with each burst", () => {
    const b = bench();
    for (let i = 0; i < 3; i++) {
      grant(b);
      passage(b);
      passage(b);
      b.clock.advance(20_000);
    }
    expect(b.steps().filter((step) => step === "raised")).toHaveLength(3);
  });
});
