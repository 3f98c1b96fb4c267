import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { thrownObject } from "./thrown-object.ts";

function report(
  b: FusionBench,
  camera: string,
  zone: string,
  body: { delivery?: "live" | "late"; confidence?: number } = {},
): void {
  b.observe(camera, zone, { kind: "throw.detected", body: { delivery: "live", ...body } });
}

describe("the thrown-object rule", () => {
  test("makes one alarm of several reports of one throw, and a second camera makes it observed", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3");
    expect(b.desk.open()[0]).toMatchObject({ severity: "major", certainty: "likely" });
    b.clock.advance(500);
    report(b, "cam-1", "b3");
    b.clock.advance(500);
    report(b, "cam-2", "b3-u1");
    expect(b.desk.open()).toHaveLength(1);
    expect(b.desk.open()[0]).toMatchObject({ certainty: "observed", causes: ["o1", "o2", "o3"] });
    expect(b.steps()).toEqual(["raised", "updated"]);
  });

  test("makes an alarm of its own of the next throw, while the first is still open", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3");
    b.clock.advance(60_000);
    report(b, "cam-1", "b3");
    expect(b.desk.open()).toHaveLength(2);
    expect(b.steps()).toEqual(["raised", "returned", "raised"]);
  });

  test("does not rise again from further reports of a throw that a person has closed already", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3");
    const [alarm] = b.desk.open();
    if (alarm === undefined) throw new Error("no alarm");
    b.desk.close(alarm.id, { name: "li", via: "console" }, "true");
    b.clock.advance(1000);
    report(b, "cam-2", "b3-u1");
    b.clock.advance(60_000);
    expect(b.steps()).toEqual(["raised", "closed"]);
    report(b, "cam-1", "b3");
    expect(b.desk.open()).toHaveLength(1);
  });

  test("keeps throws at two buildings apart", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3");
    report(b, "cam-9", "b4");
    expect(b.desk.open()).toHaveLength(2);
  });

  test("raises nothing for a record that the camera had buffered", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { delivery: "late" });
    expect(b.steps()).toEqual([]);
  });

  test("calls a single weak report possible", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { confidence: 0.2 });
    expect(b.desk.open()[0]?.certainty).toBe("possible");
  });
});
