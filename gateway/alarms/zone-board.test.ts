import { describe, expect, test } from "vitest";
import { device } from "../../tests/support/fusion-bench.ts";
import type { Alarm } from "../domain/alarm.ts";
import { zoneIdSchema } from "../domain/ids.ts";
import { raise } from "./lifecycle.ts";
import { judgeZone } from "./zone-board.ts";

const b3 = { id: zoneIdSchema.parse("b3"), name: "3栋" };
const unit = { id: zoneIdSchema.parse("b3-u1"), name: "3栋1单元", parent: b3.id };
const gate = {
  id: device("gate-1"),
  name: "东门",
  driver: "face-terminal",
  dialect: "facesluice-mqtt",
  zoneId: unit.id,
};
const state = (online: "online" | "offline" | "unknown") => [{ deviceId: gate.id, online, since: 0 }];
const alarm = (change: Partial<Alarm>): Alarm => ({
  ...raise(
    "r",
    {
      type: "raise",
      subject: "gate-1",
      zoneId: unit.id,
      openedBy: "o1" as Alarm["causes"][number],
      severity: "minor",
      certainty: "observed",
      causes: [],
      explanation: { zh: "甲", en: "a" },
    },
    "2026-11-24T00:00:00.000Z",
  ).alarm,
  ...change,
});
const site = { zones: [b3, unit], devices: [gate] };

describe("the colour of a zone", () => {
  test("is unknown before anything was heard, and never green without a device that watches", () => {
    expect(judgeZone(unit, { ...site, states: state("unknown"), alarms: [] }).colour).toBe("unknown");
    expect(judgeZone(unit, { ...site, devices: [], states: [], alarms: [] }).colour).toBe("unknown");
  });

  test("is green when all is heard and nothing is open", () => {
    expect(judgeZone(unit, { ...site, states: state("online"), alarms: [] })).toEqual({
      zoneId: "b3-u1",
      colour: "green",
      reasons: [],
    });
  });

  test("is red for an active grave alarm, in the zone and in those around it", () => {
    const alarms = [alarm({ severity: "critical" })];
    expect(judgeZone(b3, { ...site, states: state("online"), alarms })).toMatchObject({
      colour: "red",
      reasons: [{ en: "a" }],
    });
  });

  test("is yellow for a lesser alarm, for a grave one that has returned, and for a device that is offline", () => {
    for (const alarms of [[alarm({})], [alarm({ severity: "critical", active: false })]]) {
      expect(judgeZone(unit, { ...site, states: state("online"), alarms }).colour).toBe("yellow");
    }
    expect(judgeZone(unit, { ...site, states: state("offline"), alarms: [] })).toMatchObject({
      colour: "yellow",
      reasons: [{ zh: "东门离线" }],
    });
  });
});
