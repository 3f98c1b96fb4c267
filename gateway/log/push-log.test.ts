import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { alarmIdSchema } from "../domain/ids.ts";
import type { Push, PushTry, Telling } from "../ports/logs.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

const fire = alarmIdSchema.parse("fire-0001");
const thrown = alarmIdSchema.parse("thrown-0001");
const start = Date.parse("2026-11-24T00:00:00.000Z");
const telling = (alarmId = fire, change: Partial<Telling> = {}): Telling => ({
  ...{ alarmId, round: 1, since: start, active: true, acknowledged: false, reached: 1, failed: 0, pushes: 1 },
  ...change,
});
const push = (id: string, change: Partial<Push> = {}): Push => ({
  ...{ id, tier: 1, alarms: [fire], why: "raised", key: "fire\nb3", priority: 1, at: start, due: start },
  ...change,
});
const refused: PushTry = { channel: "duty", at: start, ok: false, transient: true, detail: "503" };

let dir: ReturnType<typeof temporaryDir>;
let logs: ReturnType<typeof openTestLogs>;
beforeEach(() => {
  dir = temporaryDir();
  logs = openTestLogs(dir.path);
});
afterEach(() => {
  logs.close();
  dir.remove();
});

function restarted(): Logs {
  logs.close();
  logs = openTestLogs(dir.path);
  return logs;
}

/** What stands in a table, by a reader of its own. */
function rowsIn(table: string): number {
  const db = new Database({ path: `${dir.path}/zhian.db` });
  const count = db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
  db.close();
  return count;
}

describe("the push log", () => {
  test("keeps across a restart what was decided, what was tried, and how far each alarm was told", () => {
    logs.pushes.record({ tellings: [telling(), telling(thrown)], pushes: [push("p1"), push("p2", { tier: 2 })] });
    logs.pushes.tried("p1", refused);
    logs.pushes.settle("p2", "delivered", start + 10, [telling(thrown, { failed: 1 })]);
    const { pushes } = restarted();
    expect(pushes.unsettled()).toEqual([{ push: push("p1"), tries: [refused] }]);
    expect(pushes.tellings()).toEqual([telling(), telling(thrown, { failed: 1 })]);
  });

  test("a push that is there takes another alarm in, and stays one", () => {
    logs.pushes.record({ pushes: [push("p1", { due: start + 60_000 })] });
    const both = push("p1", { alarms: [fire, thrown], due: start + 60_000 });
    logs.pushes.record({ pushes: [both] });
    expect(logs.pushes.unsettled()).toEqual([{ push: both, tries: [] }]);
    expect(logs.pushes.firstTierSince(start + 59_999)).toEqual([both]);
    expect(logs.pushes.firstTierSince(start + 60_000)).toEqual([]);
  });

  test("what was decided is written whole or not at all", () => {
    const unwritable = { ...push("p2"), at: Number.NaN };
    expect(() => logs.pushes.record({ tellings: [telling()], pushes: [push("p1"), unwritable] })).toThrow();
    expect([logs.pushes.unsettled(), logs.pushes.tellings()]).toEqual([[], []]);
  });

  test("the log time goes on from the newest push after a restart", () => {
    logs.pushes.record({ pushes: [push("p1", { at: start + 5_000_000 })] });
    expect(restarted().boot.lastAt).toBe(start + 5_000_000);
  });

  test("a closed alarm is forgotten, its pushes are kept", () => {
    logs.pushes.record({ tellings: [telling()], pushes: [push("p1")] });
    logs.pushes.forget(fire);
    expect([logs.pushes.tellings(), rowsIn("pushes")]).toEqual([[], 1]);
  });

  test("pushes that are over go with the alarms of their age, with their tries; one that is not over stays", () => {
    logs.pushes.record({ pushes: [push("old"), push("waiting"), push("new", { at: start + 400 * 86_400_000 })] });
    for (const id of ["old", "new"]) {
      logs.pushes.tried(id, refused);
      logs.pushes.settle(id, "failed", start);
    }
    logs.clock.jump(start + 401 * 86_400_000);
    logs.clock.advance(31_000);
    expect([rowsIn("pushes"), rowsIn("push_tries")]).toEqual([2, 1]);
    expect(logs.pushes.unsettled().map((each) => each.push.id)).toEqual(["waiting"]);
  });
});
