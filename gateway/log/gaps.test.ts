import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  alarmCursorName,
  alarmStep,
  denied,
  eventCursorName,
  openTestLogs,
  temporaryDir,
} from "../../tests/support/log-fixture.ts";
import type { LaneEntry } from "../ports/logs.ts";
import type { Logs } from "./open-logs.ts";

let dir: ReturnType<typeof temporaryDir>;
let logs: Logs;
beforeEach(() => {
  dir = temporaryDir();
  logs = openTestLogs(dir.path);
});
afterEach(() => {
  logs.close();
  dir.remove();
});

async function entries(count: number): Promise<readonly LaneEntry[]> {
  await logs.observations.append(Array.from({ length: count }, (_, n) => denied(n)));
  return logs.lanes.events.read(0, count);
}

describe("messages that the city's broker refuses for good", () => {
  test("are set aside with a gap each, counted, and no longer pending nor delivered", async () => {
    const [first, second] = await entries(5);
    if (first === undefined || second === undefined) throw new Error("two entries expected");
    logs.gaps.quarantine("events", second, "0x95 Packet too large");
    expect(logs.gaps.quarantined("events")).toBe(1);
    expect(logs.gaps.quarantined("alarms")).toBe(0);
    expect(logs.gaps.read(0, 10)).toEqual([
      {
        id: 1,
        lane: "events",
        epoch: logs.observations.epoch,
        from: 2,
        to: 2,
        reason: "poison",
        at: "2026-11-24T00:00:00.000Z",
      },
    ]);
    expect(logs.ledger("events")).toEqual({ accepted: 5, delivered: 0, pending: 4, quarantined: 1, evicted: 0 });
    logs.cursors.set(eventCursorName, 3);
    expect(logs.ledger("events")).toEqual({ accepted: 5, delivered: 2, pending: 2, quarantined: 1, evicted: 0 });
    expect(logs.gaps.evicted("events")).toBe(0);
  });

  test("are counted once, however often they are set aside", async () => {
    const [first] = await entries(1);
    if (first === undefined) throw new Error("an entry expected");
    for (let time = 0; time < 3; time += 1) logs.gaps.quarantine("events", first, "refused");
    expect(logs.gaps.quarantined("events")).toBe(1);
    expect(logs.gaps.read(0, 10)).toHaveLength(1);
  });

  test("are kept up to a bound, and counted beyond it", async () => {
    for (const entry of await entries(1200)) logs.gaps.quarantine("events", entry, "refused");
    expect(logs.ledger("events")).toMatchObject({ delivered: 0, pending: 0, quarantined: 1200 });
    logs.cursors.set(eventCursorName, 1200);
    logs.close();
    logs = openTestLogs(dir.path);
    expect(logs.gaps.quarantined("events")).toBe(1200);
    expect(logs.ledger("events")).toEqual({ accepted: 1200, delivered: 0, pending: 0, quarantined: 1200, evicted: 0 });
  });

  test("an alarm step is no exception", () => {
    logs.alarms.append([alarmStep("fire-0001", "raised"), alarmStep("fire-0002", "raised")]);
    const [entry] = logs.lanes.alarms.read(0, 1);
    if (entry === undefined) throw new Error("an entry expected");
    logs.gaps.quarantine("alarms", entry, "refused");
    logs.cursors.set(alarmCursorName, 2);
    expect(logs.ledger("alarms")).toEqual({ accepted: 2, delivered: 1, pending: 0, quarantined: 1, evicted: 0 });
  });
});
