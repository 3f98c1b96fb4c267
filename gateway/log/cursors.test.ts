import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { denied, eventCursorName, openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import type { ManualClock } from "../../tests/support/manual-clock.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

let dir: ReturnType<typeof temporaryDir>;
let logs: Logs & { clock: ManualClock };
beforeEach(() => {
  dir = temporaryDir();
  logs = openTestLogs(dir.path);
});
afterEach(() => {
  logs.close();
  dir.remove();
});

/** The cursor as it stands in the file: what a crash would leave. */
function onDisk(): number | undefined {
  const db = new Database({ path: `${dir.path}/zhian.db`, readonly: true });
  const row = db.prepare<[string], { seq: number }>("SELECT seq FROM cursors WHERE name = ?").get(eventCursorName);
  db.close();
  return row?.seq;
}

describe("a cursor", () => {
  test("is 0 before it was set, and what was set at once", () => {
    expect(logs.cursors.get(eventCursorName)).toBe(0);
    logs.cursors.set(eventCursorName, 7);
    expect(logs.cursors.get(eventCursorName)).toBe(7);
  });

  test("is written with the next commit of observations", async () => {
    logs.cursors.set(eventCursorName, 7);
    expect(onDisk()).toBeUndefined();
    await logs.observations.append([denied(1)]);
    expect(onDisk()).toBe(7);
  });

  test("is written with the next commit of an alarm", () => {
    logs.cursors.set(eventCursorName, 7);
    logs.alarms.append([], { cursor: 0, at: 0, states: [] });
    expect(onDisk()).toBe(7);
  });

  test("is written within a second where nothing else is, once for however many settings", () => {
    for (let seq = 1; seq <= 1000; seq += 1) logs.cursors.set(eventCursorName, seq);
    logs.clock.advance(999);
    expect(onDisk()).toBeUndefined();
    logs.clock.advance(1);
    expect(onDisk()).toBe(1000);
  });

  test("is written by a close and there after the next start", () => {
    logs.cursors.set(eventCursorName, 7);
    logs.close();
    logs = openTestLogs(dir.path);
    expect(logs.cursors.get(eventCursorName)).toBe(7);
  });
});
