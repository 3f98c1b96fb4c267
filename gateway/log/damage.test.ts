import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { killed, logProcess } from "../../tests/support/log-child.ts";
import {
  alarmCursorName,
  alarmStep,
  allSeqs,
  denied,
  eventCursorName,
  openTestLogs,
  temporaryDir,
} from "../../tests/support/log-fixture.ts";
import type { ManualClock } from "../../tests/support/manual-clock.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

let dir: ReturnType<typeof temporaryDir>;
let file: string;
let open: Logs[] = [];
beforeEach(() => {
  dir = temporaryDir();
  file = join(dir.path, "zhian.db");
});
afterEach(() => {
  for (const logs of open) logs.close();
  open = [];
  dir.remove();
});

function start(): Logs & { clock: ManualClock } {
  const logs = openTestLogs(dir.path);
  open.push(logs);
  return logs;
}

/** A log with 2,000 observations, ten alarms of which five are open, cursors and the state of a rule; closed cleanly. */
async function recorded(): Promise<{ epoch: string; ids: string[] }> {
  const logs = start();
  for (let n = 0; n < 2000; n += 200) {
    await logs.observations.append(
      Array.from({ length: 200 }, (_, i) => denied(n + i, { dedupKey: `record-${n + i}` })),
    );
  }
  for (let n = 1; n <= 10; n += 1) {
    const id = `alarm-${String(n).padStart(3, "0")}`;
    logs.alarms.append([alarmStep(id, "raised", 1)], {
      cursor: n * 200,
      at: n,
      states: [{ rule: "fire", key: "k", state: n }],
    });
    if (n % 2 === 0) logs.alarms.append([alarmStep(id, "closed", 2)]);
  }
  logs.cursors.set(eventCursorName, 1500);
  logs.cursors.set(alarmCursorName, 12);
  const ids = logs.observations.read(0, 2000).map((entry) => entry.observation.id);
  logs.close();
  return { epoch: logs.observations.epoch, ids };
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

/** Pages of a table, the root first, as the engine's own statistics tell. */
function pagesOf(table: string): number[] {
  const db = new Database({ path: file });
  const pages = db
    .prepare<[string], { pageno: number }>("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path")
    .all(table)
    .map((row) => row.pageno);
  db.close();
  return pages;
}

function ruin(page: number): void {
  overwrite(file, (page - 1) * 4096, Buffer.alloc(4096, 0xa5));
}

function expectSound(logs: Logs): void {
  const seqs = allSeqs(logs);
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1));
  expect(logs.observations.head()).toBe(seqs.length);
  for (const entry of logs.observations.read(0, 10_000)) expect(entry.observation.seq).toBe(entry.seq);
  expect(logs.alarms.verify()).toMatchObject({ ok: true, rows: logs.alarms.head() });
  const { accepted, delivered, pending, quarantined, evicted } = logs.ledger("events");
  expect(delivered + pending + quarantined + evicted).toBe(accepted);
}

describe("a damaged log", () => {
  test("one page of observations: it is set aside, all else is copied under a new epoch, and what is lost is declared", async () => {
    const { epoch, ids } = await recorded();
    const page = pagesOf("observations").at(-30) ?? 0;
    const original = readFileSync(file);
    ruin(page);
    const logs = start();
    expectSound(logs);
    expect(logs.observations.epoch).not.toBe(epoch);
    const lost = logs.damage?.lost.observations ?? 0;
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(30);
    expect(logs.damage?.salvaged).toEqual({ observations: 2000 - lost, transitions: 15 });
    expect(logs.alarms.openAlarms().map((alarm) => alarm.id)).toEqual(
      [1, 3, 5, 7, 9].map((n) => `alarm-${String(n).padStart(3, "0")}`),
    );

    const kept = logs.observations.read(0, 2000).map((entry) => entry.observation.id);
    const gone = ids.map((id, i) => (kept.includes(id as never) ? 0 : i + 1)).filter((seq) => seq > 0);
    expect(kept).toEqual(ids.filter((_, i) => !gone.includes(i + 1)));
    const delivered = 1500 - gone.filter((seq) => seq <= 1500).length;
    expect(logs.cursors.get(eventCursorName)).toBe(delivered);
    expect(logs.cursors.get(alarmCursorName)).toBe(12);
    expect(logs.alarms.checkpoint()).toMatchObject({ cursor: 2000 - lost, states: [{ state: 10 }] });
    const undelivered = gone.filter((seq) => seq > 1500);
    expect(logs.gaps.read(0, 10)).toEqual(
      undelivered.length === 0
        ? []
        : [
            expect.objectContaining({
              lane: "events",
              epoch,
              from: undelivered[0],
              to: undelivered.at(-1),
              reason: "damaged",
            }),
          ],
    );

    const setAside = logs.damage?.setAside ?? "";
    const keptFile = readFileSync(join(setAside, "zhian.db"));
    expect(keptFile.length).toBe(original.length);
    expect(JSON.parse(readFileSync(join(setAside, "report.json"), "utf8"))).toEqual(logs.damage);
    logs.close();
    expect(start().damage).toBeUndefined();
  });

  test("a single bit in the text of one observation is found at the start", async () => {
    await recorded();
    const content = readFileSync(file);
    const place = content.indexOf('"similarity":42');
    overwrite(file, place + 13, Buffer.from("9"));
    const logs = start();
    expect(logs.damage).toMatchObject({ lost: { observations: 1, transitions: 0 }, salvaged: { observations: 1999 } });
    expectSound(logs);
  });

  test.each([
    ["the first page, with header and schema", () => ruin(1)],
    ["the first hundred bytes", () => overwrite(file, 0, Buffer.alloc(100))],
  ])("%s: all rows are found again", async (_what, damage) => {
    await recorded();
    damage();
    const logs = start();
    expect(logs.damage).toMatchObject({
      salvaged: { observations: 2000, transitions: 15 },
      lost: { observations: 0, transitions: 0 },
    });
    expectSound(logs);
    expect(logs.alarms.openAlarms()).toHaveLength(5);
  });

  test.each([["observations"], ["alarm_log"]])(
    "the page at the root of %s: the rows are found again without it, and what retention removed is not",
    async (table) => {
      await recorded();
      const db = new Database({ path: file });
      db.exec("DELETE FROM observations WHERE seq <= 300");
      const before = db.prepare<[], { id: string }>("SELECT id FROM observations ORDER BY seq").all();
      db.close();
      ruin(pagesOf(table)[0] ?? 0);
      const logs = start();
      expect(logs.damage).toMatchObject({ salvaged: { observations: 1700, transitions: 15 } });
      expectSound(logs);
      expect(logs.observations.read(0, 2000).map((entry) => entry.observation.id)).toEqual(before.map((row) => row.id));
      expect(logs.alarms.openAlarms()).toHaveLength(5);
      expect(logs.gaps.read(0, 10)).toEqual([]);
    },
  );

  test("rows that go over many pages are found without the root too", async () => {
    const first = start();
    const texts = [10, 3000, 4050, 9000, 40_000].map((length) => "记".repeat(length));
    await first.observations.append(
      texts.map((detail) => denied(1, { kind: "gateway.fault", body: { code: "x", active: true, detail } } as never)),
    );
    await first.observations.append(Array.from({ length: 200 }, (_, n) => denied(n)));
    const before = first.observations.read(0, 300).map((entry) => entry.observation);
    first.close();
    ruin(pagesOf("observations")[0] ?? 0);
    const logs = start();
    expect(logs.observations.read(0, 300).map((entry) => entry.observation)).toEqual(before);
  });

  test("an alarm step that was changed into another is kept, and is told when the old chain ends", async () => {
    await recorded();
    ruin(pagesOf("observations").at(-30) ?? 0);
    const db = new Database({ path: file });
    db.exec("UPDATE alarm_log SET transition = replace(transition, 'critical', 'warning') WHERE seq = 7");
    db.close();
    const logs = start();
    expect(logs.damage).toMatchObject({ altered: 1, salvaged: { transitions: 15 } });
    expect(logs.alarms.read(6, 1)[0]?.transition.severity).toBe("warning");
  });

  test("all pages of the observations: the alarms are there, and fusion goes on from nothing", async () => {
    const { epoch } = await recorded();
    for (const page of pagesOf("observations")) ruin(page);
    const logs = start();
    expectSound(logs);
    expect(logs.damage).toMatchObject({ salvaged: { observations: 0, transitions: 15 }, lost: { observations: 2000 } });
    expect(logs.alarms.openAlarms()).toHaveLength(5);
    expect(logs.gaps.read(0, 10)).toMatchObject([{ lane: "events", epoch, from: 1501, to: 2000, reason: "damaged" }]);
    expect(await logs.observations.append([denied(1)])).toEqual([{ seq: 1, duplicate: false }]);
  });

  test("all pages of the alarm log: the open alarms are still known as they stood", async () => {
    await recorded();
    for (const page of pagesOf("alarm_log")) ruin(page);
    const logs = start();
    expectSound(logs);
    expect(logs.damage).toMatchObject({ salvaged: { observations: 2000, transitions: 0 }, lost: { transitions: 15 } });
    expect(logs.alarms.openAlarms()).toHaveLength(5);
    logs.alarms.append([alarmStep("alarm-001", "closed", 2)]);
    expect(logs.alarms.openAlarms()).toHaveLength(4);
    expect(logs.lanes.alarms.read(0, 10)[0]?.retained).toEqual({ alarmId: "alarm-001" });
  });

  test("cut off in the middle, or full of noise: the gateway starts, and keeps the file for whoever knows more", async () => {
    await recorded();
    truncateSync(file, 8192 * 5);
    const cut = start();
    expect(cut.damage?.setAside).toBeDefined();
    expectSound(cut);
    cut.close();
    writeFileSync(file, Buffer.alloc(100_000, 0x5a));
    const noise = start();
    expect(noise.damage?.salvaged).toEqual({ observations: 0, transitions: 0 });
    expectSound(noise);
    expect(readdirSync(dir.path).filter((name) => name.startsWith("corrupt-"))).toHaveLength(2);
  });

  test("damage that shows only while running is looked for at the next start", async () => {
    await recorded();
    const logs = start();
    const intruder = new Database({ path: file });
    intruder.exec("UPDATE observations SET crc = crc + 1 WHERE seq = 7");
    intruder.close();
    expect(() => logs.observations.read(0, 10)).toThrow();
    await expect(logs.observations.append([denied(1)])).rejects.toMatchObject({ code: "DB_CORRUPT" });
    logs.close();
    const again = start();
    expect(again.damage).toMatchObject({ lost: { observations: 1 } });
    expect(again.health().ok).toBe(true);
    expect(existsSync(join(dir.path, "suspect"))).toBe(false);
  });

  test("a crash while the damaged file is being replaced begins again, or ends what was begun", async () => {
    await recorded();
    const damaged = join(dir.path, "damaged");
    ruin(pagesOf("observations").at(-30) ?? 0);
    copyFileSync(file, damaged);
    const first = start();
    const { epoch } = first.observations;
    first.close();

    // Before the exchange: a new file lies beside the damaged one.
    copyFileSync(file, `${file}.new`);
    copyFileSync(damaged, file);
    const second = start();
    expect(second.damage).toBeDefined();
    expect(second.observations.epoch).not.toBe(epoch);
    expectSound(second);
    second.close();

    // In the midst of it: the damaged one is gone from its place, its write-ahead log is not.
    copyFileSync(file, `${file}.new`);
    rmSync(file);
    writeFileSync(`${file}-wal`, Buffer.alloc(5000, 1));
    const third = start();
    expect(third.damage).toBeUndefined();
    expect(third.observations.epoch).toBe(second.observations.epoch);
    expectSound(third);
  });
});

describe("a log that lost its end", () => {
  /** Two hundred observations and an alarm that are only in the write-ahead log, then a kill. */
  async function killedWithFullWal(): Promise<void> {
    const child = await logProcess(
      `import { alarmStep, denied, openTestLogs } from "support/log-fixture.ts";
       const logs = openTestLogs(${JSON.stringify(dir.path)});
       for (let n = 0; n < 200; n += 1) await logs.observations.append([denied(n)]);
       logs.alarms.append([alarmStep("fire-0001", "raised")]);
       console.log("written");
       setInterval(() => {}, 1000);`,
      "written",
    );
    await killed(child);
  }

  test("after a kill nothing is missing, and the epoch goes on", async () => {
    await killedWithFullWal();
    const logs = start();
    expect(logs.damage).toBeUndefined();
    expect(logs.observations.head()).toBe(200);
    expect(logs.alarms.head()).toBe(1);
  });

  test("a deleted write-ahead log: the gateway starts, under a new epoch, and declares what is missing", async () => {
    const before = start();
    await before.observations.append([denied(1)]);
    before.cursors.set(eventCursorName, 1);
    before.close();
    await killedWithFullWal();
    rmSync(`${file}-wal`);
    const logs = start();
    expect(logs.damage).toMatchObject({ lost: { observations: 200, transitions: 1 }, salvaged: { observations: 1 } });
    expect(logs.observations.epoch).not.toBe(before.observations.epoch);
    expect(logs.gaps.read(0, 10)).toMatchObject([
      { lane: "events", epoch: before.observations.epoch, from: 2, to: 201, reason: "damaged" },
      { lane: "alarms", epoch: before.observations.epoch, from: 1, to: 1, reason: "damaged" },
    ]);
    expectSound(logs);
    expect(await logs.observations.append([denied(2)])).toEqual([{ seq: 2, duplicate: false }]);
    expect(logs.ledger("events")).toMatchObject({ accepted: 2, delivered: 1, pending: 1 });
  });

  test("a write-ahead log cut in the middle: what stands before the cut is there, the rest is declared", async () => {
    await killedWithFullWal();
    truncateSync(`${file}-wal`, Math.floor(statSync(`${file}-wal`).size / 2));
    const logs = start();
    const head = logs.observations.head();
    expect(head).toBeGreaterThan(10);
    expect(head).toBeLessThan(200);
    expect(logs.damage).toMatchObject({ lost: { observations: 200 - head, transitions: 1 } });
    expectSound(logs);
  });

  test("a few bytes torn off the last frame cost the last commit only", async () => {
    await killedWithFullWal();
    truncateSync(`${file}-wal`, statSync(`${file}-wal`).size - 100);
    const logs = start();
    expect(logs.observations.head()).toBe(200);
    expect(logs.damage).toMatchObject({ lost: { observations: 0, transitions: 1 } });
  });

  test("an older copy put back begins a new epoch, since its next numbers were given before", async () => {
    await recorded();
    const copy = join(dir.path, "backup");
    copyFileSync(file, copy);
    const later = start();
    await later.observations.append([denied(1), denied(2)]);
    later.close();
    copyFileSync(copy, file);
    const logs = start();
    expect(logs.observations.epoch).not.toBe(later.observations.epoch);
    expect(logs.damage).toMatchObject({ lost: { observations: 2, transitions: 0 } });
    expect(logs.alarms.verify()).toMatchObject({ ok: true });
    logs.alarms.append([alarmStep("fire-0001", "raised")]);
    expect(logs.alarms.verify()).toMatchObject({ ok: true, rows: 16 });
  });

  test("a database that is gone altogether is missed", async () => {
    const { epoch } = await recorded();
    rmSync(file);
    const logs = start();
    expect(logs.damage).toMatchObject({ what: "the database is gone", lost: { observations: 2000, transitions: 15 } });
    expect(logs.gaps.read(0, 10)).toMatchObject([
      { epoch, from: 1, to: 2000 },
      { epoch, from: 1, to: 15 },
    ]);
  });
});

describe("files that are taken away while the gateway runs", () => {
  test("a removed write-ahead log is put in place again, and nothing is lost", async () => {
    const logs = start();
    await logs.observations.append([denied(1), denied(2)]);
    rmSync(`${file}-wal`);
    await logs.observations.append([denied(3)]);
    logs.clock.advance(5000);
    expect(logs.health()).toMatchObject({ ok: false, code: "DISK_FAILED" });
    logs.clock.advance(2000);
    expect(logs.health().ok).toBe(true);
    await logs.observations.append([denied(4)]);
    expect(existsSync(`${file}-wal`)).toBe(true);
    logs.close();
    const again = start();
    expect(again.damage).toBeUndefined();
    expect(allSeqs(again)).toEqual([1, 2, 3, 4]);
  });

  test("a removed database is told as damage, which only a new start mends", async () => {
    const logs = start();
    await logs.observations.append([denied(1)]);
    rmSync(file);
    logs.clock.advance(5000);
    expect(logs.health()).toMatchObject({ ok: false, code: "DB_CORRUPT" });
    await expect(logs.observations.append([denied(2)])).rejects.toMatchObject({ code: "DB_CORRUPT" });
    logs.close();
    expect(start().damage).toMatchObject({ lost: { observations: 1 } });
  });
});
