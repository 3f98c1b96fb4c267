import { describe, expect, test } from "vitest";
import { device, FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { deviceOffline } from "./device-offline.ts";
import { zoneOutage } from "./zone-outage.ts";

const cameras = Array.from({ length: 16 }, (_, i) => `cam-${i}`);
/** A building with sixteen cameras and four doors. */
const building = [...cameras, "gate-0", "gate-1", "gate-2", "gate-3"].map(device);
const bench = (params: Record<string, unknown> = {}) =>
  new FusionBench(withDefaults([zoneOutage, deviceOffline], { "zone-outage": params }), undefined, {
    devicesIn: () => building,
  });

function lose(b: FusionBench, id: string, zone = "b3-u1"): void {
  b.observe(id, zone, { kind: "device.offline", body: { reason: "silent" } });
}
function find(b: FusionBench, id: string, zone = "b3-u1"): void {
  b.observe(id, zone, { kind: "device.online", body: {} });
}

describe("a switch that takes sixteen cameras with it", () => {
  test("is one alarm with many causes and no other, over when most are back", () => {
    const b = bench();
    for (const id of cameras) {
      lose(b, id);
      b.clock.advance(1000);
    }
    b.clock.advance(120_000);
    expect(b.steps("device-offline")).toEqual([]);
    expect(b.desk.open()).toMatchObject([{ rule: "zone-outage", subject: "b3", severity: "major" }]);
    expect(b.desk.open()[0]?.causes.length).toBeGreaterThanOrEqual(10);
    for (const id of cameras) find(b, id);
    b.clock.advance(120_000);
    expect(b.desk.open()[0]).toMatchObject({ rule: "zone-outage", active: false });
    expect(b.steps("device-offline")).toEqual([]);
  });

  test("leaves what is silent still when it is over to be told one by one", () => {
    const b = bench();
    for (const id of cameras) lose(b, id);
    b.clock.advance(60_000);
    for (const id of cameras.slice(2)) find(b, id);
    expect(b.steps("device-offline")).toEqual([]);
    b.clock.advance(30_000);
    const left = b.desk.open().filter(({ rule }) => rule === "device-offline");
    expect(left.map(({ subject }) => subject).sort()).toEqual(["cam-0", "cam-1"]);
    find(b, "cam-0");
    expect(b.desk.open().find(({ subject }) => subject === "cam-0")?.active).toBe(false);
  });

  test("is the same over a crash in the middle", () => {
    const b = bench();
    for (const id of cameras.slice(0, 8)) lose(b, id);
    b.restart(false);
    for (const id of cameras.slice(8)) lose(b, id);
    b.restart(false);
    b.clock.advance(120_000);
    expect(b.steps()).toEqual(["raised"]);
  });
});

describe("what is no outage of a building", () => {
  test("two devices of many are told one by one", () => {
    const b = bench();
    lose(b, "cam-0");
    lose(b, "cam-1");
    b.clock.advance(30_000);
    expect(b.steps("zone-outage")).toEqual([]);
    expect(b.steps("device-offline")).toEqual(["raised", "raised"]);
  });

  test("devices that fall silent one after the other over an hour", () => {
    const b = bench();
    for (const id of cameras) {
      lose(b, id);
      b.clock.advance(240_000);
    }
    expect(b.steps("zone-outage")).toEqual([]);
    expect(b.steps("device-offline")).toHaveLength(16);
  });

  test("devices of other buildings", () => {
    const b = bench({ leastShare: 0.1 });
    for (const [i, id] of cameras.entries()) lose(b, id, `b${i}`);
    expect(b.steps("zone-outage")).toEqual([]);
  });
});
