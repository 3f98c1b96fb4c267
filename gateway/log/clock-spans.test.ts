import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  alarmCursorName,
  alarmStep,
  denied,
  eventCursorName,
  openTestLogs,
  temporaryDir,
} from "../../tests/support/log-fixture.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

const hourMs = 3_600_000;

let dir: ReturnType<typeof temporaryDir>;
let open: Logs[] = [];
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => {
  for (const logs of open) logs.close();
  open = [];
  dir.remove();
});

/** A box without a battery: it believes it is 1970 until the network tells. */
function start(state: ManualClock["state"], now = 0): Logs & { clock: ManualClock } {
  const clock = new ManualClock(now);
  clock.state = state;
  const logs = openTestLogs(dir.path, { clock });
  open.push(logs);
  return logs;
}

function times(logs: Logs): (readonly [string, string])[] {
  return logs.lanes.events.read(0, 100).map((entry) => [entry.time, entry.clock] as const);
}

describe("a clock that is set right after a while", () => {
  test("what was recorded before is told with its true time and stays marked; what is stored does not change", async () => {
    const logs = start("unsynchronised");
    await logs.observations.append([denied(1)]);
    const data = logs.lanes.events.read(0, 1)[0]?.data;
    expect(times(logs)).toEqual([["1970-01-01T00:00:00.000Z", "unsynchronised"]]);
    logs.clock.advance(60_000);
    logs.clock.step(100 * hourMs);
    logs.clock.state = "synchronised";
    await logs.observations.append([denied(2)]);
    const expected = [
      ["1970-01-05T04:00:00.000Z", "unsynchronised"],
      ["1970-01-05T04:01:00.000Z", "synchronised"],
    ];
    expect(times(logs)).toEqual(expected);
    expect(logs.lanes.events.read(0, 1)[0]?.data).toBe(data);
    logs.close();
    expect(times(start("synchronised", 200 * hourMs))).toEqual(expected);
  });

  test("is heard without anything being written", async () => {
    const logs = start("unsynchronised");
    await logs.observations.append([denied(1)]);
    logs.clock.step(hourMs);
    logs.clock.state = "synchronised";
    expect(times(logs)).toEqual([["1970-01-01T01:00:00.000Z", "unsynchronised"]]);
    logs.clock.advance(1000);
    logs.close();
    expect(times(start("synchronised", hourMs))).toEqual([["1970-01-01T01:00:00.000Z", "unsynchronised"]]);
  });

  test("a time by the device's own clock is not ours to correct", async () => {
    const logs = start("unsynchronised");
    await logs.observations.append([denied(1, { occurredAtMs: Date.parse("2026-11-24T08:00:00Z") })]);
    logs.clock.step(hourMs);
    logs.clock.state = "synchronised";
    expect(times(logs)).toEqual([["2026-11-24T08:00:00.000Z", "unsynchronised"]]);
  });

  test("a step while it is still wrong counts for what came before it only", async () => {
    const logs = start("unsynchronised");
    await logs.observations.append([denied(1)]);
    logs.clock.step(10 * hourMs);
    await logs.observations.append([denied(2)]);
    logs.clock.step(hourMs);
    logs.clock.state = "synchronised";
    expect(times(logs).map(([time]) => time)).toEqual(["1970-01-01T11:00:00.000Z", "1970-01-01T11:00:00.000Z"]);
  });

  test("says nothing about an earlier run, and nothing about times that nobody doubted", async () => {
    const first = start("unsynchronised");
    await first.observations.append([denied(1)]);
    first.close();
    const second = start("assumed", hourMs);
    await second.observations.append([denied(2)]);
    second.clock.step(1000 * hourMs);
    second.clock.state = "synchronised";
    expect(times(second)).toEqual([
      ["1970-01-01T00:00:00.000Z", "unsynchronised"],
      ["1970-01-01T01:00:00.000Z", "assumed"],
    ]);
  });

  test("is remembered as long as a row refers to it", async () => {
    const spans = (): number => {
      const db = new Database({ path: `${dir.path}/zhian.db`, readonly: true });
      const rows = db.prepare<[], object>("SELECT span FROM clock_spans").all().length;
      db.close();
      return rows;
    };
    for (let run = 0; run < 5; run += 1) {
      const logs = start("synchronised", run * hourMs);
      await logs.observations.append([denied(run)]);
      logs.alarms.append([alarmStep("fire-0001", "updated", run + 1)]);
      logs.close();
    }
    expect(spans()).toBe(5);
    const logs = start("synchronised", 400 * 24 * hourMs);
    logs.alarms.append([alarmStep("fire-0001", "closed", 6)], { cursor: 5, at: 0, states: [] });
    logs.cursors.set(eventCursorName, 5);
    logs.cursors.set(alarmCursorName, 6);
    for (let round = 0; round < 40; round += 1) logs.clock.advance(1000);
    logs.close();
    expect(spans()).toBe(2);
  });

  test("holds for the steps of alarms too", () => {
    const logs = start("unsynchronised");
    logs.alarms.append([alarmStep("fire-0001", "raised")]);
    logs.clock.step(hourMs);
    logs.clock.state = "synchronised";
    expect(logs.lanes.alarms.read(0, 1)[0]).toMatchObject({
      time: "2026-11-24T01:00:00.000Z",
      clock: "unsynchronised",
    });
  });
});
