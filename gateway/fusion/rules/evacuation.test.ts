import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { zoneIdSchema } from "../../domain/ids.ts";
import { accessDeniedRepeated } from "./access-denied-repeated.ts";
import { exitBlocked } from "./exit-blocked.ts";
import { fire } from "./fire.ts";

const zones: Readonly<Record<string, string>> = { "sd-1": "b3-u1", "panel-1": "b3", "sd-9": "b9" };
const bench = () =>
  new FusionBench(withDefaults([fire, exitBlocked, accessDeniedRepeated]), undefined, {
    tagsOf: (id) => (id.startsWith("exit") ? ["exit"] : []),
    zoneOf: (id) => zoneIdSchema.parse(zones[id] ?? "b3-u1"),
  });

function smoke(b: FusionBench, device: string, active = true): void {
  const zone = zones[device] ?? "b3-u1";
  b.observe(device, zone, { kind: "fire.detected", body: { delivery: "live", active, sensor: "smoke" } });
}
function refuse(b: FusionBench, gate: string, times = 1): void {
  for (let i = 0; i < times; i++) {
    b.observe(gate, "b3-u1", { kind: "access.denied", body: { delivery: "live", reason: "refused" } });
  }
}
const open = (b: FusionBench) => b.desk.open().map(({ rule, subject }) => `${rule} ${subject}`);

describe("a refusal at an exit", () => {
  test("is a blocked exit while the building burns, and no intruder", () => {
    const b = bench();
    smoke(b, "sd-1");
    refuse(b, "exit-1", 6);
    expect(open(b)).toEqual(["fire sd-1", "exit-blocked exit-1"]);
    expect(b.desk.open()[1]).toMatchObject({ severity: "critical" });
  });

  test("is what it was as soon as the fire is over", () => {
    const b = bench();
    smoke(b, "sd-1");
    refuse(b, "exit-1", 2);
    smoke(b, "sd-1", false);
    expect(b.steps("exit-blocked")).toEqual(["raised", "returned"]);
    refuse(b, "exit-1", 2);
    expect(b.steps("access-denied-repeated")).toEqual([]);
    refuse(b, "exit-1");
    expect(b.steps("access-denied-repeated")).toEqual(["raised"]);
  });

  test("stays a blocked exit until the last fire of the building is over, the panel's points too", () => {
    const b = bench();
    const panel = (event: "fire" | "normal") =>
      b.observe("panel-1", "b3", { kind: "panel.event", body: { event, point: "004-004" } });
    smoke(b, "sd-1");
    panel("fire");
    refuse(b, "exit-1");
    smoke(b, "sd-1", false);
    expect(b.steps("exit-blocked")).toEqual(["raised"]);
    panel("normal");
    expect(b.steps("exit-blocked")).toEqual(["raised", "returned"]);
  });

  test("means nothing more where another building burns, or the door is no exit", () => {
    const b = bench();
    smoke(b, "sd-9");
    refuse(b, "exit-1", 3);
    expect(b.steps("exit-blocked")).toEqual([]);
    expect(b.steps("access-denied-repeated")).toEqual(["raised"]);
    smoke(b, "sd-1");
    refuse(b, "gate-1", 3);
    expect(b.steps("exit-blocked")).toEqual([]);
  });

  test("is the same over a crash", () => {
    const b = bench();
    smoke(b, "sd-1");
    b.restart(false);
    refuse(b, "exit-1", 3);
    b.restart(false);
    expect(open(b)).toEqual(["fire sd-1", "exit-blocked exit-1"]);
  });
});
