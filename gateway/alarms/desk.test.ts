import { describe, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { MemoryAlarmLog } from "../../tests/support/memory-logs.ts";
import { countingTelemetry } from "../../tests/support/quiet.ts";
import type { AlarmSignal } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import { alarmIdSchema, observationIdSchema, zoneIdSchema } from "../domain/ids.ts";
import { createAlarmDesk } from "./desk.ts";
import { type DatedSignal, maxOpenAlarms } from "./respond.ts";

const at = "2026-11-24T00:00:00.000Z";
const li = { name: "li", via: "console" } as const;

function seen(
  subject: string,
  opening: string,
  change: Partial<Extract<AlarmSignal, { type: "raise" }>> = {},
): DatedSignal {
  const openedBy = observationIdSchema.parse(opening);
  return {
    rule: "r",
    wallAt: at,
    signal: {
      type: "raise",
      subject,
      zoneId: zoneIdSchema.parse("b3"),
      openedBy,
      severity: "minor",
      certainty: "observed",
      causes: [openedBy],
      explanation: { zh: "甲", en: "a" },
      ...change,
    },
  };
}

const gone = (subject: string): DatedSignal => ({ rule: "r", wallAt: at, signal: { type: "clear", subject } });

function desk() {
  const log = new MemoryAlarmLog();
  const clock = new ManualClock();
  return { log, clock, desk: createAlarmDesk({ log, clock, telemetry: countingTelemetry() }) };
}

describe("the alarm desk", () => {
  test("counts an occurrence on the open alarm and raises a new one after it was closed", () => {
    const { desk: d } = desk();
    d.take([seen("gate-1", "o1"), seen("gate-1", "o1"), seen("gate-1", "o5")]);
    const [first] = d.open();
    expect(first).toMatchObject({ count: 3 });
    if (first === undefined) throw new Error("no alarm");
    d.close(first.id, li, "true");
    expect(d.open()).toEqual([]);
    d.take([seen("gate-1", "o9")]);
    expect(d.open()).toHaveLength(1);
    expect(d.open()[0]?.id).not.toBe(first.id);
  });

  test("changes nothing when the disk refuses, and the same signals raise afterwards", () => {
    const { log, desk: d } = desk();
    log.refuse = new GatewayError("DISK_FULL", "no space");
    expect(() => d.take([seen("gate-1", "o1")])).toThrow("no space");
    expect(d.open()).toEqual([]);
    log.refuse = undefined;
    d.take([seen("gate-1", "o1")]);
    expect(d.open()).toHaveLength(1);
  });

  test("has the same open alarms after a restart", () => {
    const { log, desk: d } = desk();
    d.take([seen("gate-1", "o1"), seen("gate-2", "o2"), gone("gate-2"), seen("gate-3", "o3")]);
    const again = createAlarmDesk({ log, clock: new ManualClock(), telemetry: countingTelemetry() });
    expect(again.open()).toEqual(d.open());
    again.take([gone("gate-1")]);
    expect(again.open().find((a) => a.subject === "gate-1")?.active).toBe(false);
  });

  test("tells an unknown alarm from a closed one", () => {
    const { desk: d } = desk();
    d.take([seen("gate-1", "o1")]);
    const [alarm] = d.open();
    if (alarm === undefined) throw new Error("no alarm");
    d.close(alarm.id, li, "test");
    expect(() => d.acknowledge(alarm.id, li)).toThrow(expect.objectContaining({ code: "ALARM_CLOSED" }));
    expect(() => d.acknowledge(alarmIdSchema.parse("deadbeef"), li)).toThrow(
      expect.objectContaining({ code: "ALARM_UNKNOWN" }),
    );
  });

  test("keeps the number of open alarms bounded, and never gives up one that is active or critical", () => {
    const { desk: d } = desk();
    const batch = (from: number, n: number) =>
      Array.from({ length: n }, (_, i) => seen(`s${from + i}`, `o${from + i}`));
    d.take(batch(0, maxOpenAlarms));
    d.take([gone("s0"), gone("s1")]);
    d.take(batch(maxOpenAlarms, 2));
    expect(d.open()).toHaveLength(maxOpenAlarms);
    expect(d.open().every((a) => a.active)).toBe(true);
    d.take([seen("one-more", "x")]);
    expect(d.open()).toHaveLength(maxOpenAlarms + 1);
  });

  test("ends a shelving when its time is over, also after a restart in between", () => {
    const { log, clock, desk: d } = desk();
    d.take([seen("gate-1", "o1"), seen("gate-2", "o2")]);
    for (const { id } of d.open()) d.shelve(id, li, clock.now() + 60_000, "being mended");
    expect(d.open().map(({ state }) => state)).toEqual(["shelved", "shelved"]);
    clock.advance(59_000);
    expect(d.open().every(({ state }) => state === "shelved")).toBe(true);
    d.stop();
    const again = createAlarmDesk({ log, clock, telemetry: countingTelemetry() });
    clock.advance(1_000);
    expect(again.open().map(({ state }) => state)).toEqual(["active-unacknowledged", "active-unacknowledged"]);
    expect(log.entries.at(-1)?.transition).toMatchObject({ step: "unshelved", by: { via: "gateway" } });
  });

  test("ends it later where the disk refuses, and does not fail", () => {
    const { log, clock, desk: d } = desk();
    d.take([seen("gate-1", "o1")]);
    const [alarm] = d.open();
    if (alarm === undefined) throw new Error("no alarm");
    d.shelve(alarm.id, li, clock.now() + 60_000, "being mended");
    log.refuse = new GatewayError("DISK_FULL", "no space");
    clock.advance(61_000);
    expect(d.open()[0]?.state).toBe("shelved");
    log.refuse = undefined;
    clock.advance(5_000);
    expect(d.open()[0]?.state).toBe("active-unacknowledged");
  });

  test("shelves nothing for longer than its severity allows, and nothing into the past", () => {
    const { clock, desk: d } = desk();
    d.take([seen("gate-1", "o1"), seen("ext-1", "o2", { severity: "critical" })]);
    const idOf = (subject: string) =>
      d.open().find((alarm) => alarm.subject === subject)?.id ?? alarmIdSchema.parse("0");
    const shelve = (subject: string, ms: number) => () => d.shelve(idOf(subject), li, clock.now() + ms, "why");
    const refused = expect.objectContaining({ code: "SHELF_REFUSED" });
    expect(shelve("gate-1", 12 * 3_600_000 + 1)).toThrow(refused);
    expect(shelve("gate-1", 0)).toThrow(refused);
    expect(shelve("gate-1", Number.NaN)).toThrow(refused);
    expect(shelve("ext-1", 31 * 60_000)).toThrow(refused);
    expect(shelve("ext-1", 30 * 60_000)).not.toThrow();
    expect(d.unshelve(idOf("ext-1"), li)).toMatchObject({ state: "active-unacknowledged" });
  });
});
