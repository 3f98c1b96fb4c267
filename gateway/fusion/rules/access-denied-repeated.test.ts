import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { accessDeniedRepeated } from "./access-denied-repeated.ts";

function refuse(b: FusionBench, gate = "gate-1", delivery: "live" | "late" | "manual" = "live"): void {
  b.observe(gate, "b3-u1", { kind: "access.denied", body: { delivery, reason: "refused" } });
}

describe("the rule for repeated denials", () => {
  test("raises at the third refusal within the window, with all three as causes", () => {
    const b = new FusionBench(withDefaults([accessDeniedRepeated]));
    refuse(b);
    refuse(b);
    expect(b.steps()).toEqual([]);
    refuse(b);
    expect(b.desk.open()[0]).toMatchObject({ severity: "minor", subject: "gate-1", causes: ["o1", "o2", "o3"] });
  });

  test("does not add up refusals that are further apart than the window", () => {
    const b = new FusionBench(withDefaults([accessDeniedRepeated]));
    for (let i = 0; i < 5; i++) {
      refuse(b);
      b.clock.advance(70_000);
    }
    expect(b.steps()).toEqual([]);
  });

  test("counts each door by itself", () => {
    const b = new FusionBench(withDefaults([accessDeniedRepeated]));
    refuse(b, "gate-1");
    refuse(b, "gate-2");
    refuse(b, "gate-1");
    refuse(b, "gate-2");
    expect(b.steps()).toEqual([]);
  });

  test("counts neither late records nor ones replayed by hand", () => {
    const b = new FusionBench(withDefaults([accessDeniedRepeated]));
    for (let i = 0; i < 6; i++) refuse(b, "gate-1", i % 2 === 0 ? "late" : "manual");
    expect(b.steps()).toEqual([]);
  });

  test("tells a hundred refusals in a few steps and returns after a quiet window", () => {
    const b = new FusionBench(withDefaults([accessDeniedRepeated]));
    for (let i = 0; i < 100; i++) {
      refuse(b);
      b.clock.advance(1000);
    }
    b.clock.advance(200_000);
    const steps = b.steps();
    expect(steps[0]).toBe("raised");
    expect(steps.at(-1)).toBe("returned");
    expect(steps.length).toBeLessThan(10);
  });
});
