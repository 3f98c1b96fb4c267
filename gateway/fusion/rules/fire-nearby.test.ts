import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { zoneIdSchema } from "../../domain/ids.ts";
import { fire } from "./fire.ts";
import { fireNearby } from "./fire-nearby.ts";

const zone = (id: string) => zoneIdSchema.parse(id);
const bench = () =>
  new FusionBench(withDefaults([fire, fireNearby]), undefined, {
    neighboursOf: (id) => (id === "b3-u1" ? [zone("b4")] : id === "b4" ? [zone("b3-u1")] : []),
  });

function smoke(b: FusionBench, device: string, where: string, active = true): void {
  b.observe(device, where, { kind: "fire.detected", body: { delivery: "live", active, sensor: "smoke" } });
}
const certainties = (b: FusionBench) => Object.fromEntries(b.desk.open().map((a) => [a.subject, a.certainty]));

describe("two detectors that say fire", () => {
  test("in one building make each other's alarm observed", () => {
    const b = bench();
    smoke(b, "sd-1", "b3-u1");
    expect(certainties(b)).toEqual({ "sd-1": "possible" });
    smoke(b, "sd-2", "b3-u2");
    expect(certainties(b)).toEqual({ "sd-1": "observed", "sd-2": "observed" });
    const [one] = b.desk.open();
    expect(one?.causes).toHaveLength(2);
    expect(one?.explanation.zh).toContain("附近b3-u2也报火警");
  });

  test("in neighbouring zones do too, and in zones far from each other do not", () => {
    const b = bench();
    smoke(b, "sd-1", "b3-u1");
    smoke(b, "sd-9", "b9");
    expect(certainties(b)).toEqual({ "sd-1": "possible", "sd-9": "possible" });
    smoke(b, "sd-4", "b4");
    expect(certainties(b)).toEqual({ "sd-1": "observed", "sd-9": "possible", "sd-4": "observed" });
  });

  test("long after each other do not agree, and one whose fire is over does not either", () => {
    const b = bench();
    smoke(b, "sd-1", "b3-u1");
    b.clock.advance(11 * 60_000);
    smoke(b, "sd-2", "b3-u1");
    expect(certainties(b)["sd-1"]).toBe("possible");
    smoke(b, "sd-2", "b3-u1", false);
    smoke(b, "sd-3", "b3-u1");
    expect(certainties(b)["sd-3"]).toBe("possible");
  });

  test("agree over a restart", () => {
    const b = bench();
    smoke(b, "sd-1", "b3-u1");
    b.restart(false);
    smoke(b, "sd-2", "b3-u1");
    expect(certainties(b)).toEqual({ "sd-1": "observed", "sd-2": "observed" });
  });
});
