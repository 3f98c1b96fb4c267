import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";

const minute = 60_000;

function duress(b: FusionBench, gate: string): void {
  b.observe(gate, "b3-u1", { kind: "access.duress", body: { delivery: "live" } });
}

describe("an alarm flood", () => {
  test("begins with the eleventh new alarm in ten minutes, is one alarm, and hides none", () => {
    const b = new FusionBench(withDefaults());
    for (let i = 0; i < 10; i++) duress(b, `gate-${i}`);
    expect(b.steps("alarm-flood")).toEqual([]);
    for (let i = 10; i < 40; i++) duress(b, `gate-${i}`);
    expect(b.steps("alarm-flood")).toEqual(["raised"]);
    expect(b.steps("duress")).toHaveLength(40);
    expect(b.desk.open().find(({ rule }) => rule === "alarm-flood")?.severity).toBe("major");
  });

  test("is over when new alarms have become few, over a restart too", () => {
    const b = new FusionBench(withDefaults());
    for (let i = 0; i < 20; i++) {
      duress(b, `gate-${i}`);
      b.clock.advance(10_000);
    }
    expect(b.steps("alarm-flood")).toEqual(["raised"]);
    b.restart(false);
    b.clock.advance(5 * minute);
    expect(b.steps("alarm-flood")).toEqual(["raised"]);
    b.clock.advance(6 * minute);
    expect(b.steps("alarm-flood")).toEqual(["raised", "returned"]);
  });

  test("is none where one alarm is told again and again", () => {
    const b = new FusionBench(withDefaults());
    for (let i = 0; i < 64; i++) {
      b.observe("gate-1", "b3-u1", { kind: "access.denied", body: { delivery: "live", reason: "refused" } });
    }
    expect(b.steps("access-denied-repeated").length).toBeGreaterThan(3);
    expect(b.steps("alarm-flood")).toEqual([]);
  });

  test("is none at ten alarms spread over an hour, nor at a hundred over a day", () => {
    const b = new FusionBench(withDefaults());
    for (let i = 0; i < 100; i++) {
      duress(b, `gate-${i}`);
      b.clock.advance(14 * minute);
    }
    expect(b.steps("alarm-flood")).toEqual([]);
  });
});
