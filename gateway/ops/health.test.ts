import { expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { deviceIdSchema, zoneIdSchema } from "../domain/ids.ts";
import { Health, type HealthSources } from "./health.ts";

function watch(overrides: Partial<HealthSources> = {}) {
  const clock = new ManualClock();
  const health = new Health({
    clock,
    version: "0.1.0",
    broker: () => ({ listening: true }),
    storage: () => ({ writable: true, bytes: 10 }),
    uplink: () => ({ state: "up" }),
    devices: { devices: () => [], states: () => [] },
    fusion: () => ({ cursor: 5, head: 5 }),
    ...overrides,
  });
  return { clock, health };
}

test("a gateway that works is alive and ready, without a reason", () => {
  const { health } = watch();
  expect(health.live()).toMatchObject({ alive: true, reasons: [], version: "0.1.0" });
  expect(health.ready()).toMatchObject({ ready: true, reasons: [], warnings: [] });
});

test("an event loop that did not turn for five seconds is not alive, and is again when it turns", () => {
  let now = 0;
  let beat = () => {};
  const clock = {
    now: () => now,
    wall: () => now,
    quality: () => ({ state: "assumed" as const, steppedMs: 0 }),
    after: (_ms: number, call: () => void) => {
      beat = call;
      return () => {};
    },
  };
  const { health } = watch({ clock });
  now = 5_000;
  expect(health.live().alive).toBe(true);
  now = 5_001;
  expect(health.live()).toMatchObject({ alive: false, reasons: ["event-loop-stalled"] });
  beat();
  expect(health.live().alive).toBe(true);
});

test("rules that do not read on although there is something to read are not alive after thirty seconds", () => {
  let fusion = { cursor: 5, head: 6 };
  const { clock, health } = watch({ fusion: () => fusion });
  clock.advance(29_000);
  expect(health.live().alive).toBe(true);
  clock.advance(3_000);
  expect(health.live()).toMatchObject({ alive: false, reasons: ["rules-stalled"] });
  expect(health.ready()).toMatchObject({ ready: false, reasons: [{ code: "RULES_STALLED" }] });
  fusion = { cursor: 6, head: 6 };
  clock.advance(1_000);
  expect(health.live().alive).toBe(true);
});

test("a full disk holds the rules up, and a restart would not help: alive, not ready, with the reason", () => {
  const { clock, health } = watch({
    fusion: () => ({ cursor: 5, head: 6 }),
    storage: () => ({ writable: false, code: "DISK_FULL", bytes: 10 }),
  });
  clock.advance(120_000);
  expect(health.live().alive).toBe(true);
  expect(health.ready()).toMatchObject({ ready: false, reasons: [{ code: "DISK_FULL" }] });
});

test("a broker that does not listen makes the gateway unready", () => {
  const { health } = watch({ broker: () => ({ listening: false }) });
  expect(health.ready()).toMatchObject({ ready: false, reasons: [{ code: "BROKER_CLOSED" }] });
});

test("the city's line, silent devices, a wrong clock and a nearly used budget are told, and leave it ready", () => {
  const zoneId = zoneIdSchema.parse("b3");
  const device = (id: string) => ({ id: deviceIdSchema.parse(id), name: id, driver: "d", dialect: "x", zoneId });
  const { clock, health } = watch({
    uplink: () => ({ state: "down", code: "UPLINK_REFUSED" }),
    devices: {
      devices: () => [device("a"), device("b"), device("c")],
      states: () => [
        { deviceId: deviceIdSchema.parse("a"), online: "online", since: 0 },
        { deviceId: deviceIdSchema.parse("b"), online: "offline", since: 0 },
      ],
    },
    storage: () => ({ writable: true, bytes: 95, budgetBytes: 100 }),
  });
  clock.state = "unsynchronised";
  const report = health.ready();
  expect(report.ready).toBe(true);
  expect(report.devices).toEqual({ total: 3, online: 1, offline: 1, unknown: 1 });
  expect(report.warnings.map((warning) => warning.code)).toEqual([
    "UPLINK_REFUSED",
    "DEVICES_OFFLINE",
    "DEVICES_UNKNOWN",
    "CLOCK_WRONG",
    "BUDGET_NEARLY_USED",
  ]);
});
