import { rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alarmCursorName, alarmStep, denied, openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";
import { openLogReader } from "./read-logs.ts";
import type { VerifyOptions } from "./verify-alarms.ts";

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

function start(clock = new ManualClock()) {
  const logs = openTestLogs(dir.path, { clock, alarmsForMs: 60_000 });
  open.push(logs);
  return logs;
}

/** Two fires and a throw, all of them several steps long; the throw is closed. */
function fill(logs: Logs): void {
  logs.alarms.append([alarmStep("fire-0001", "raised", 1), alarmStep("thrown-0001", "raised", 1)]);
  logs.alarms.append([alarmStep("fire-0001", "updated", 2), alarmStep("thrown-0001", "closed", 2)]);
  logs.alarms.append([alarmStep("fire-0002", "raised", 1), alarmStep("fire-0001", "acknowledged", 3)]);
}

function verify(options: VerifyOptions = {}) {
  const reader = openLogReader(dir.path);
  try {
    return reader.verify(options);
  } finally {
    reader.close();
  }
}

/** Does what nobody should: writes into the file beside the gateway. */
function tamper(sql: string): void {
  const intruder = new Database({ path: `${dir.path}/zhian.db` });
  intruder.exec(sql);
  intruder.close();
}

describe("an alarm log that is whole", () => {
  test("is verified under the gateway that writes it, and after it stopped", () => {
    const logs = start();
    fill(logs);
    const told = { transitions: 6, alarms: 3, open: 2, unlogged: 0, epoch: logs.alarms.epoch };
    const head = { seq: 6, hash: logs.alarms.chainHead() };
    expect(verify()).toMatchObject({ ok: true, ...told, head, anchor: { seq: 0 } });
    logs.close();
    expect(verify()).toMatchObject({ ok: true, ...told, head });
  });

  test("is whole when nothing was ever written to it", () => {
    const logs = start();
    const hash = logs.alarms.chainHead();
    expect(verify({ head: hash })).toMatchObject({
      ok: true,
      transitions: 0,
      alarms: 0,
      head: { seq: 0, hash },
      found: 0,
    });
  });

  test("is whole from where retention cut it", () => {
    const clock = new ManualClock();
    const logs = start(clock);
    logs.alarms.append([alarmStep("thrown-0000", "raised", 1), alarmStep("thrown-0000", "closed", 2)]);
    const cut = logs.alarms.chainHead();
    clock.advance(120_000);
    fill(logs);
    logs.cursors.set(alarmCursorName, 2);
    clock.advance(120_000);
    expect(logs.lanes.alarms.first()).toBe(3);
    expect(verify({ head: cut })).toMatchObject({ ok: true, transitions: 6, anchor: { seq: 2, hash: cut }, found: 2 });
  });

  test("has every head that it ever had, each at its place, and no other", () => {
    const logs = start();
    const heads = [logs.alarms.chainHead()];
    for (let place = 1; place <= 4; place += 1) {
      logs.alarms.append([alarmStep("fire-0001", "updated", place)]);
      heads.push(logs.alarms.chainHead());
    }
    for (const [seq, head] of heads.entries()) expect(verify({ head })).toMatchObject({ ok: true, found: seq });
    expect(verify({ head: "0".repeat(64) })).toMatchObject({ ok: false, fault: { kind: "unknown-head" } });
  });

  test("is whole though retention cuts it while it is walked", () => {
    const clock = new ManualClock();
    const logs = start(clock);
    const old = Array.from({ length: 300 }, (_, i) => `thrown-${1000 + i}`);
    logs.alarms.append(old.flatMap((id) => [alarmStep(id, "raised", 1), alarmStep(id, "closed", 2)]));
    logs.cursors.set(alarmCursorName, 590);
    const heard: number[] = [];
    const verdict = verify({
      onProgress(seq) {
        heard.push(seq);
        if (heard.length === 1) clock.advance(120_000);
      },
    });
    expect(heard).toEqual([500, 600]);
    expect(verdict).toMatchObject({ ok: true, anchor: { seq: 590 }, transitions: 10, alarms: 5 });
  });

  test("tells how far it has come", () => {
    fill(start());
    const heard: (readonly number[])[] = [];
    verify({ onProgress: (seq, newest) => heard.push([seq, newest]) });
    expect(heard).toEqual([[6, 6]]);
  });
});

describe("an alarm log that was tampered with", () => {
  test.each([
    [
      "reworded",
      "UPDATE alarm_log SET transition = replace(transition, 'critical', 'warning') WHERE seq = 3",
      "changed",
      3,
    ],
    ["redated", "UPDATE alarm_log SET at = at + 1 WHERE seq = 4", "changed", 4],
    ["taken out", "DELETE FROM alarm_log WHERE seq = 2", "missing", 2],
    ["taken out at the beginning", "DELETE FROM alarm_log WHERE seq = 1", "missing", 1],
    ["filed under another alarm", "UPDATE alarm_log SET alarm_id = 'fire-0002' WHERE seq = 3", "mislabelled", 3],
    ["filed as another step", "UPDATE alarm_log SET id = 'fire-0001-9' WHERE seq = 3", "mislabelled", 3],
  ])("(a step %s) is told with the first step that does not hold", (_how, sql, kind, seq) => {
    fill(start());
    tamper(sql);
    expect(verify()).toMatchObject({ ok: false, fault: { kind, seq }, head: { seq: seq - 1 } });
  });

  test.each([
    [
      "shows an alarm as it was before",
      "UPDATE alarms SET json = replace(json, '\"count\":3', '\"count\":2') WHERE id = 'fire-0001'",
      6,
    ],
    ["hides an open alarm", "UPDATE alarms SET open = 0 WHERE id = 'fire-0002'", 5],
    ["shows a closed alarm as open", "UPDATE alarms SET open = 1 WHERE id = 'thrown-0001'", 4],
    ["lost an alarm", "DELETE FROM alarms WHERE id = 'fire-0002'", 5],
    ["missed a step", "UPDATE alarms SET newest = 3 WHERE id = 'fire-0001'", 3],
    [
      "has an alarm that was never raised",
      "INSERT INTO alarms SELECT 'fire-0009', first, newest, open, json FROM alarms WHERE id = 'fire-0002'",
      5,
    ],
  ])("so that the table %s is told", (_how, sql, seq) => {
    fill(start());
    tamper(sql);
    expect(verify()).toMatchObject({ ok: false, fault: { kind: "table", seq } });
  });

  test("so that its end is gone is told by the witness, though the chain that is left holds", () => {
    const logs = start();
    fill(logs);
    logs.close();
    tamper("DELETE FROM alarms; DELETE FROM alarm_log WHERE seq > 1");
    tamper("INSERT INTO alarms SELECT alarm_id, seq, seq, 1, alarm FROM alarm_log");
    expect(verify()).toMatchObject({ ok: false, fault: { kind: "cut-off", seq: 2 }, head: { seq: 1 } });
    rmSync(`${dir.path}/witness`);
    expect(verify()).toMatchObject({ ok: true, transitions: 1 });
  });

  test("in favour of an older copy is told by the witness", () => {
    fill(start());
    writeFileSync(`${dir.path}/witness`, "another-epoch 9 9\n");
    expect(verify()).toMatchObject({ ok: false, fault: { kind: "replaced" } });
  });
});

describe("a data directory that is read beside its gateway", () => {
  test("is read as it was at one moment, whatever is written meanwhile", async () => {
    const logs = start();
    await logs.observations.append([denied(1), denied(2)]);
    logs.alarms.append([alarmStep("fire-0001", "raised", 1)], { cursor: 2, at: 7, states: [] });
    const reader = openLogReader(dir.path);
    const recorded = reader.recorded();
    await logs.observations.append([denied(3)]);
    logs.alarms.append([alarmStep("fire-0001", "updated", 2)], { cursor: 3, at: 8, states: [] });
    expect(recorded).toMatchObject({ head: 2, until: { cursor: 2, at: 7 } });
    expect(recorded.read(0, 10)).toEqual(logs.observations.read(0, 2));
    expect(recorded.read(1, 10)).toEqual(logs.observations.read(1, 1));
    const at = logs.clock.now();
    expect(recorded.steps(0, 10)).toEqual(logs.alarms.read(0, 1).map((step) => ({ ...step, at })));
    expect(reader.recorded()).toMatchObject({ head: 3, until: { cursor: 3, at: 8 } });
    reader.close();
  });

  test("lets the gateway empty its write-ahead log", () => {
    const logs = start();
    fill(logs);
    const reader = openLogReader(dir.path);
    reader.verify({});
    reader.recorded().steps(0, 10);
    const gateway = new Database({ path: `${dir.path}/zhian.db` });
    expect(gateway.checkpoint("TRUNCATE")).toBe(true);
    gateway.close();
    reader.close();
  });

  test("takes nothing but reads", () => {
    start();
    const db = new Database({ path: `${dir.path}/zhian.db`, readonly: true });
    expect(() => db.exec("DELETE FROM alarms")).toThrow("readonly");
    db.close();
  });

  test.each([
    ["is empty", () => {}],
    ["holds a file that nobody wrote to", (path: string) => writeFileSync(`${path}/zhian.db`, "")],
  ])("and %s is told so", (_how, make) => {
    make(dir.path);
    expect(() => openLogReader(dir.path)).toThrow(expect.objectContaining({ code: "DATA_ABSENT" }));
  });

  test("of a newer version is refused, and one that is no database too", () => {
    start().close();
    tamper("PRAGMA user_version = 99");
    expect(() => openLogReader(dir.path)).toThrow(expect.objectContaining({ code: "DB_NEWER" }));
    writeFileSync(`${dir.path}/zhian.db`, "x".repeat(8192));
    expect(() => openLogReader(dir.path)).toThrow(expect.objectContaining({ code: "DB_CORRUPT" }));
  });

  test("with an observation that is not what was written is told at that observation", async () => {
    const logs = start();
    await logs.observations.append([denied(1), denied(2)]);
    tamper("UPDATE observations SET json = replace(json, 'denied', 'granted') WHERE seq = 2");
    const reader = openLogReader(dir.path);
    expect(() => reader.recorded().read(0, 10)).toThrow(
      expect.objectContaining({ code: "DB_CORRUPT", message: expect.stringContaining("observation 2") }),
    );
    reader.close();
  });
});
