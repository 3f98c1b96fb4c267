import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import type { ThrowOrigin } from "../../domain/observation.ts";
import { thrownObject } from "./thrown-object.ts";

function report(
  b: FusionBench,
  camera: string,
  zone: string,
  body: { delivery?: "live" | "late"; confidence?: number; origin?: ThrowOrigin } = {},
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

  test("holds weak reports of one camera below the alarm: birds, rain and leaves", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    for (let i = 0; i < 200; i++) {
      report(b, "cam-1", "b3", { confidence: 0.2 });
      b.clock.advance(500);
    }
    b.clock.advance(60_000);
    expect(b.steps()).toEqual([]);
  });

  test("believes weak reports as soon as a second camera sees it, and a sure one after them", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { confidence: 0.2 });
    report(b, "cam-2", "b3", { confidence: 0.3 });
    expect(b.desk.open()[0]).toMatchObject({ certainty: "observed", causes: ["o1", "o2"] });
    b.clock.advance(60_000);
    report(b, "cam-1", "b3", { confidence: 0.2 });
    report(b, "cam-1", "b3", { confidence: 0.9 });
    expect(b.desk.open()[1]).toMatchObject({ certainty: "likely", causes: ["o3", "o4"] });
  });
});

describe("where a throw came from", () => {
  const floor = (of: number, low: number, high: number, unit = "1单元"): ThrowOrigin => ({
    building: "3栋",
    unit,
    floor: of,
    floorLow: low,
    floorHigh: high,
    method: "trajectory",
  });

  test("is told by one report, and narrowed by a second that agrees", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { origin: floor(18, 15, 21) });
    expect(b.desk.open()[0]?.explanation.zh).toContain("来自3栋1单元约18层（15至21层之间）");
    report(b, "cam-2", "b3", { origin: floor(17, 16, 18) });
    expect(b.desk.open()[0]?.explanation.en).toContain("from 3栋1单元, about floor 17 (between 16 and 18)");
    expect(b.desk.open()[0]?.evidence).toHaveLength(2);
  });

  test("is a wider guess, without the unit, where two reports contradict each other", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { origin: floor(5, 4, 6) });
    report(b, "cam-2", "b3", { origin: floor(18, 17, 19, "2单元") });
    expect(b.desk.open()[0]?.explanation.zh).toContain("来自3栋约12层（4至19层之间）");
  });

  test("raises the severity where things have come from before, within days, over a restart", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    const severities: (string | undefined)[] = [];
    let told: string | undefined;
    for (let day = 0; day < 5; day++) {
      report(b, "cam-1", "b3", { origin: floor(18, 17, 19) });
      severities.push(b.desk.open().at(-1)?.severity);
      told = b.desk.open().at(-1)?.explanation.zh;
      b.clock.advance(86_400_000);
      b.restart(day % 2 === 0);
    }
    expect(severities).toEqual(["major", "major", "major", "critical", "critical"]);
    expect(told).toContain("该处此前已有4次");
    report(b, "cam-1", "b3", { origin: floor(6, 5, 7) });
    expect(b.desk.open().at(-1)?.severity).toBe("major");
  });

  test("is forgotten after a month", () => {
    const b = new FusionBench(withDefaults([thrownObject]));
    report(b, "cam-1", "b3", { origin: floor(18, 17, 19) });
    b.clock.advance(31 * 86_400_000);
    b.restart(true);
    expect(b.alarms.checkpoint()?.states).toEqual([]);
  });
});
