import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import type { Delivery } from "../../domain/observation.ts";
import { passback } from "./passback.ts";

const bench = () =>
  new FusionBench(withDefaults([passback]), undefined, { tagsOf: (id) => (id === "in-1" ? ["entry"] : []) });

function pass(b: FusionBench, person: string, gate: string, zone: string, delivery: Delivery = "live"): void {
  b.observe(gate, zone, { kind: "access.granted", body: { delivery, person } });
}

describe("one credential", () => {
  test("at doors of two buildings sooner than anybody walks is told, naming the doors and nobody", () => {
    const b = bench();
    pass(b, "p-secret", "gate-1", "b3");
    b.clock.advance(20_000);
    pass(b, "p-secret", "gate-2", "b9");
    expect(b.steps()).toEqual(["raised", "returned"]);
    expect(b.desk.open()[0]).toMatchObject({ severity: "minor", causes: ["o1", "o2"] });
    expect(JSON.stringify(b.desk.open())).not.toContain("p-secret");
  });

  test("in time, at two doors of one building, or of two persons is nothing", () => {
    const b = bench();
    pass(b, "p1", "gate-1", "b3");
    b.clock.advance(61_000);
    pass(b, "p1", "gate-2", "b9");
    pass(b, "p2", "gate-3", "b9-u1");
    pass(b, "p2", "gate-4", "b9-u2");
    pass(b, "p3", "gate-1", "b3");
    expect(b.steps()).toEqual([]);
  });

  test("that comes in twice at an entry without going out is told; at an ordinary door it is not", () => {
    const b = bench();
    pass(b, "p1", "in-1", "b3");
    b.clock.advance(30_000);
    pass(b, "p1", "in-1", "b3");
    pass(b, "p2", "gate-1", "b3");
    pass(b, "p2", "gate-1", "b3");
    expect(b.steps()).toEqual(["raised", "returned"]);
    expect(b.desk.open()[0]).toMatchObject({ certainty: "possible" });
  });

  test("that went out in between may come in again", () => {
    const b = bench();
    pass(b, "p1", "in-1", "b3");
    pass(b, "p1", "out-1", "b3");
    pass(b, "p1", "in-1", "b3");
    expect(b.steps()).toEqual([]);
  });

  test("in records that come late proves nothing", () => {
    const b = bench();
    pass(b, "p1", "gate-1", "b3");
    pass(b, "p1", "gate-2", "b9", "late");
    expect(b.steps()).toEqual([]);
  });
});
