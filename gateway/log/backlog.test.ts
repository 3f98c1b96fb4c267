import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { denied, eventCursorName, openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";
import { fileRecords } from "./record-index.ts";

const rows = 1_000_000;

/** The best of many runs, ms: what it takes when nothing else gets in between. */
function fastest(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 40; run += 1) {
    const from = performance.now();
    work();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

describe("a backlog of a million observations", () => {
  const small = temporaryDir();
  const big = temporaryDir();
  let few: Logs;
  let many: Logs;

  beforeAll(async () => {
    few = openTestLogs(small.path);
    await few.observations.append(Array.from({ length: 1000 }, (_, n) => denied(n)));
    many = openTestLogs(big.path, { budgetBytes: 4e9 });
    await many.observations.append([denied(0)]);
    many.close();
    // The first row again and again, by the engine itself: a million appends would take a minute.
    const db = new Database({ path: `${big.path}/zhian.db` });
    db.exec(
      `INSERT INTO observations (seq, at, fire, span, received, occurred, crc, device, dedup, id, json)
       WITH RECURSIVE c (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE n < ${rows})
       SELECT n, at, fire, span, received, occurred, crc, device, 'key-' || n, id, json FROM c, observations WHERE seq = 1`,
    );
    fileRecords(db, rows);
    db.close();
    many = openTestLogs(big.path, { budgetBytes: 4e9 });
  }, 120_000);
  afterAll(() => {
    few.close();
    many.close();
    small.remove();
    big.remove();
  });

  test("reads at its head, its end and in its middle as fast as a short one", () => {
    expect(many.observations.head()).toBe(rows);
    const reference = fastest(() => few.lanes.events.read(500, 200));
    for (const place of [0, rows / 2, rows - 200]) {
      expect(many.lanes.events.read(place, 200)).toHaveLength(200);
      expect(fastest(() => many.lanes.events.read(place, 200)) / reference).toBeLessThan(4);
    }
  });

  test("costs nothing to count, to find the first of, or to append to", async () => {
    many.cursors.set(eventCursorName, 1000);
    expect(many.ledger("events")).toMatchObject({ accepted: rows, delivered: 1000, pending: rows - 1000 });
    expect(fastest(() => many.ledger("events")) / fastest(() => few.ledger("events"))).toBeLessThan(4);
    expect(fastest(() => many.lanes.events.first()) / fastest(() => few.lanes.events.first())).toBeLessThan(4);
    expect(await many.observations.append([denied(1, { dedupKey: "key-77" }, "gate-east")])).toEqual([
      { seq: 77, duplicate: true },
    ]);
  });

  test("does not keep the gateway from starting", () => {
    many.close();
    const from = performance.now();
    many = openTestLogs(big.path, { budgetBytes: 4e9 });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(many.damage).toBeUndefined();
  });
});
