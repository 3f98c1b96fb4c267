import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { deviceOffline } from "./device-offline.ts";
import { fault } from "./fault.ts";

const offline = { kind: "device.offline", body: { reason: "silent" } } as const;
const online = { kind: "device.online", body: {} } as const;

describe("the rule for devices that go quiet", () => {
  test("waits for the grace time and raises at its end, not at the next message", () => {
    const b = new FusionBench(withDefaults([deviceOffline]));
    b.observe("gate-1", "b3-u1", offline);
    const end = new Date(b.clock.wall() + 30_000).toISOString();
    b.clock.advance(29_000);
    expect(b.steps()).toEqual([]);
    b.clock.advance(5_000);
    expect(b.desk.open()[0]).toMatchObject({ severity: "minor", raisedAt: end });
  });

  test("raises nothing when the device is back within the grace time", () => {
    const b = new FusionBench(withDefaults([deviceOffline]));
    b.observe("gate-1", "b3-u1", offline);
    b.clock.advance(10_000);
    b.observe("gate-1", "b3-u1", online);
    b.clock.advance(60_000);
    expect(b.steps()).toEqual([]);
  });

  test("weighs an extinguisher more, and ends by itself once it is back and a person has seen it", () => {
    const b = new FusionBench(withDefaults([deviceOffline]));
    b.observe("ext-1", "b3-u1", offline);
    b.clock.advance(31_000);
    const [alarm] = b.desk.open();
    if (alarm === undefined) throw new Error("no alarm");
    expect(alarm.severity).toBe("major");
    b.desk.acknowledge(alarm.id, { name: "li", via: "console" });
    b.observe("ext-1", "b3-u1", online);
    expect(b.steps()).toEqual(["raised", "acknowledged", "returned", "closed"]);
    expect(b.desk.open()).toEqual([]);
  });

  test("counts a flapping device on one alarm", () => {
    const b = new FusionBench(withDefaults([deviceOffline]));
    for (let i = 0; i < 5; i++) {
      b.observe("gate-1", "b3-u1", offline);
      b.clock.advance(40_000);
      b.observe("gate-1", "b3-u1", online);
      b.clock.advance(1000);
    }
    expect(b.desk.open()).toHaveLength(1);
    expect(b.desk.open()[0]?.count).toBe(5);
  });
});

describe("the fault rule", () => {
  test("raises once for a fault that is reported again and again, and returns when it is over", () => {
    const b = new FusionBench(withDefaults([fault]));
    for (let i = 0; i < 3; i++) {
      b.observe("ext-1", "b3-u1", { kind: "device.fault", body: { code: "sensor-invalid", active: true } });
    }
    b.observe("ext-1", "b3-u1", { kind: "device.fault", body: { code: "sensor-invalid", active: false } });
    expect(b.steps()).toEqual(["raised", "returned"]);
  });
});
