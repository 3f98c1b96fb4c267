import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  alarmCursorName,
  alarmStep,
  allSeqs,
  denied,
  eventCursorName,
  fuseAll,
  openTestLogs,
  temperature,
  temporaryDir,
} from "../../tests/support/log-fixture.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { alarmIdSchema } from "../domain/ids.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

const mib = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

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

function start(budgetBytes: number, clock = new ManualClock()): Logs & { clock: ManualClock } {
  const logs = openTestLogs(dir.path, { budgetBytes, clock });
  open.push(logs);
  return logs;
}

/** Entries at a door, every `fireEvery`th a temperature. */
async function fill(logs: Logs, rows: number, fireEvery = 0): Promise<void> {
  for (let n = 0; n < rows; n += 1000) {
    const batch = Array.from({ length: Math.min(1000, rows - n) }, (_, i) =>
      fireEvery > 0 && (n + i) % fireEvery === 0 ? temperature(20) : denied(n + i),
    );
    await logs.observations.append(batch);
  }
}

/** Lets retention work until it is done. */
function settle(clock: ManualClock): void {
  for (let round = 0; round < 40; round += 1) clock.advance(1000);
}

/** The same logs some days later; in between the gateway was off. */
function daysLater(logs: Logs & { clock: ManualClock }, days: number): Logs & { clock: ManualClock } {
  const clock = new ManualClock(logs.clock.now() + days * dayMs);
  clock.state = logs.clock.state;
  logs.close();
  return start(256 * mib, clock);
}

function missing(logs: Logs): number[] {
  const there = new Set(allSeqs(logs));
  return Array.from({ length: logs.observations.head() }, (_, i) => i + 1).filter((seq) => !there.has(seq));
}

function declared(logs: Logs): number[] {
  return logs.gaps.read(0, 100_000).flatMap((gap) => {
    expect(gap).toMatchObject({ lane: "events", epoch: logs.observations.epoch, reason: "retention" });
    return Array.from({ length: gap.to - gap.from + 1 }, (_, i) => gap.from + i);
  });
}

describe("retention by budget", () => {
  test("what the city has goes first, without a gap, and the space goes back to the disk", async () => {
    const logs = start(4 * mib);
    await fill(logs, 20_000);
    const before = logs.storage().bytes;
    expect(before).toBeGreaterThan(8 * mib);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 20_000);
    settle(logs.clock);
    expect(logs.storage().bytes).toBeLessThanOrEqual(4 * mib);
    expect(logs.lanes.events.first()).toBeGreaterThan(5000);
    expect(logs.observations.read(19_999, 1)).toHaveLength(1);
    expect(logs.gaps.read(0, 10)).toEqual([]);
    expect(logs.ledger("events")).toEqual({
      accepted: 20_000,
      delivered: 20_000,
      pending: 0,
      quarantined: 0,
      evicted: 0,
    });
  });

  test("with the city away the oldest events go and exactly their numbers are declared, in few ranges", async () => {
    const logs = start(4 * mib);
    await fill(logs, 20_000);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 500);
    settle(logs.clock);
    const gone = missing(logs);
    expect(gone.length).toBeGreaterThan(5000);
    expect(declared(logs)).toEqual(gone.filter((seq) => seq > 500));
    expect(logs.gaps.read(0, 10)).toHaveLength(1);
    expect(logs.gaps.evicted("events")).toBe(gone.length - 500);
    expect(logs.ledger("events")).toEqual({
      accepted: 20_000,
      delivered: 500,
      pending: 20_000 - gone.length,
      quarantined: 0,
      evicted: gone.length - 500,
    });
  });

  test("what tells of a fire goes last: nothing of it while anything else can go", async () => {
    const logs = start(4 * mib);
    await fill(logs, 20_000, 10);
    fuseAll(logs);
    settle(logs.clock);
    const kinds = logs.observations.read(0, 20_000).map((entry) => entry.observation.kind);
    expect(kinds.filter((kind) => kind === "thermal.reading")).toHaveLength(2000);
    expect(kinds.filter((kind) => kind === "access.denied").length).toBeLessThan(12_000);
    expect(declared(logs).sort((a, b) => a - b)).toEqual(missing(logs));
    expect(logs.ledger("events")).toMatchObject({ delivered: 0, evicted: missing(logs).length });
  });

  test("a budget that even the fire-related do not fit into takes the oldest of them, and the ranges grow together", async () => {
    const logs = start(mib);
    await fill(logs, 12_000, 2);
    fuseAll(logs);
    settle(logs.clock);
    expect(logs.lanes.events.first()).toBeGreaterThan(1);
    expect(declared(logs).sort((a, b) => a - b)).toEqual(missing(logs));
    const [first] = [...logs.gaps.read(0, 100_000)].sort((a, b) => a.from - b.from);
    expect(first).toMatchObject({ from: 1 });
    expect((first?.to ?? 0) + 1).toBe(logs.lanes.events.first());
    const { accepted, delivered, pending, evicted } = logs.ledger("events");
    expect(delivered + pending + evicted).toBe(accepted);
  });

  test("what fusion has not read stays, whatever the budget", async () => {
    const logs = start(2 * mib);
    await fill(logs, 10_000);
    logs.alarms.append([], { cursor: 100, at: 0, states: [] });
    logs.cursors.set(eventCursorName, 10_000);
    settle(logs.clock);
    expect(logs.lanes.events.first()).toBe(101);
  });

  test("alarms stay, also when nothing else is left to give", async () => {
    const logs = start(mib);
    for (let place = 1; place <= 1000; place += 1) logs.alarms.append([alarmStep("fire-0001", "closed", place)]);
    await fill(logs, 2000);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 2000);
    logs.cursors.set(alarmCursorName, 1000);
    settle(logs.clock);
    expect(logs.alarms.read(0, 2000)).toHaveLength(1000);
    expect(allSeqs(logs)).toEqual([2000]);
    expect(logs.alarms.verify()).toMatchObject({ ok: true, rows: 1000 });
  });

  test("a range that was read by the city stays as it is, and what goes later is a range of its own", async () => {
    const logs = start(4 * mib);
    await fill(logs, 15_000);
    fuseAll(logs);
    settle(logs.clock);
    const [told] = logs.gaps.read(0, 10);
    await fill(logs, 5000);
    fuseAll(logs);
    settle(logs.clock);
    const gaps = logs.gaps.read(0, 10);
    expect(gaps[0]).toEqual(told);
    expect(gaps[1]?.from).toBe((told?.to ?? 0) + 1);
    expect(declared(logs)).toEqual(missing(logs));
  });

  test("the numbering and the gaps hold across a restart after everything was removed", async () => {
    const logs = start(mib / 2);
    await fill(logs, 5000);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 10);
    settle(logs.clock);
    const evicted = logs.gaps.evicted("events");
    logs.close();
    const again = start(mib / 2);
    expect(again.observations.head()).toBe(5000);
    expect(again.ledger("events")).toMatchObject({ accepted: 5000, delivered: 10, evicted });
    expect(await again.observations.append([denied(1)])).toEqual([{ seq: 5001, duplicate: false }]);
  });

  test("a flood at the budget is trimmed as it comes: the file stays within bounds all along", async () => {
    const logs = start(4 * mib);
    let most = 0;
    for (let round = 0; round < 30; round += 1) {
      await fill(logs, 2000);
      fuseAll(logs);
      logs.clock.advance(20);
      most = Math.max(most, logs.storage().bytes);
    }
    expect(most).toBeLessThan(12 * mib);
    expect(logs.observations.head()).toBe(60_000);
  });
});

describe("another program that reads the log and does not let go", () => {
  test("makes the write-ahead log grow, but no row is given up for it, and all is small again when it is gone", async () => {
    const logs = start(5 * mib);
    await fill(logs, 1000);
    const reader = new Database({ path: `${dir.path}/zhian.db`, readonly: true });
    reader.exec("BEGIN");
    reader.prepare<[], object>("SELECT count(*) FROM observations").all();
    await fill(logs, 9000);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 10_000);
    settle(logs.clock);
    expect(logs.storage().bytes).toBeGreaterThan(5 * mib);
    expect(logs.lanes.events.first()).toBe(1);
    reader.exec("COMMIT");
    reader.close();
    settle(logs.clock);
    expect(logs.storage().bytes).toBeLessThan(5 * mib);
    expect(logs.lanes.events.first()).toBe(1);
  });
});

describe("retention by age", () => {
  test("observations older than their limit go once the city has them, in no step for which anything else must wait long", async () => {
    const first = start(256 * mib);
    await fill(first, 3000, 10);
    const logs = daysLater(first, 31);
    await fill(logs, 100);
    fuseAll(logs);
    logs.cursors.set(eventCursorName, 2000);
    settle(logs.clock);
    expect(logs.lanes.events.first()).toBe(2001);
    logs.cursors.set(eventCursorName, 3100);
    settle(logs.clock);
    expect(logs.lanes.events.first()).toBe(3001);
    expect(logs.gaps.read(0, 10)).toEqual([]);
  });

  test("a clock that is known to be wrong ages nothing", async () => {
    const first = start(256 * mib);
    await fill(first, 1000);
    fuseAll(first);
    first.cursors.set(eventCursorName, 999);
    first.clock.state = "unsynchronised";
    const logs = daysLater(first, 400);
    settle(logs.clock);
    expect(logs.lanes.events.first()).toBe(1);
  });

  test("the alarm log is cut at its beginning only: up to what the city has and to the first alarm that is open, chain intact", () => {
    const first = start(256 * mib);
    for (const id of ["closed-01", "open-0001", "closed-02"]) first.alarms.append([alarmStep(id, "raised", 1)]);
    for (const id of ["closed-01", "closed-02"]) first.alarms.append([alarmStep(id, "closed", 2)]);
    const logs = daysLater(first, 181);
    settle(logs.clock);
    expect(logs.alarms.read(0, 10)).toHaveLength(5);
    logs.cursors.set(alarmCursorName, 5);
    settle(logs.clock);
    expect(logs.alarms.read(0, 10).map((row) => row.seq)).toEqual([2, 3, 4, 5]);
    expect(logs.alarms.verify()).toEqual({ ok: true, rows: 4, head: logs.alarms.chainHead() });

    logs.alarms.append([alarmStep("open-0001", "closed", 2)]);
    logs.cursors.set(alarmCursorName, 6);
    settle(logs.clock);
    expect(logs.alarms.read(0, 10).map((row) => row.seq)).toEqual([6]);
    expect(logs.alarms.alarm(alarmIdSchema.parse("closed-01"))).toBeUndefined();
    const head = logs.alarms.chainHead();
    const again = daysLater(logs, 0);
    expect(again.damage).toBeUndefined();
    expect(again.alarms.verify()).toEqual({ ok: true, rows: 1, head });
    expect(again.ledger("alarms")).toEqual({ accepted: 6, delivered: 6, pending: 0, quarantined: 0, evicted: 0 });
  });
});
