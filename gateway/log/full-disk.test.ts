import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  alarmCursorName,
  alarmStep,
  allSeqs,
  denied,
  eventCursorName,
  fuseAll,
  openTestLogs,
} from "../../tests/support/log-fixture.ts";
import type { ManualClock } from "../../tests/support/manual-clock.ts";
import { noSmallDisk, type SmallDisk, smallDisk } from "../../tests/support/small-disk.ts";
import { isGatewayError } from "../domain/errors.ts";
import type { LogHealth } from "./commits.ts";
import type { Logs } from "./open-logs.ts";

const skip = noSmallDisk();
if (skip !== undefined) console.warn(`full-disk tests are left out: ${skip}`);
const mib = 1024 * 1024;

describe.skipIf(skip !== undefined)("a full disk", () => {
  let disk: SmallDisk;
  let data: string;
  let open: Logs[] = [];
  beforeEach(() => {
    disk = smallDisk(48);
    data = join(disk.path, "data");
  });
  afterEach(() => {
    for (const logs of open) logs.close();
    open = [];
    disk.remove();
  });

  function start(options: Parameters<typeof openTestLogs>[1] = {}): Logs & { clock: ManualClock } {
    const logs = openTestLogs(data, { reserveBytes: 8 * mib, ...options });
    open.push(logs);
    return logs;
  }

  /** Appends until the disk takes no more; the numbers that were acknowledged. */
  async function appendUntilFull(logs: Logs, from = 0): Promise<{ acknowledged: number[]; error: unknown }> {
    const acknowledged: number[] = [];
    for (let n = from; n < from + 300_000; n += 500) {
      try {
        const appended = await logs.observations.append(Array.from({ length: 500 }, (_, i) => denied(n + i)));
        acknowledged.push(...appended.map((item) => item.seq));
      } catch (error) {
        return { acknowledged, error };
      }
    }
    throw new Error("the disk never got full");
  }

  test("observations are refused, alarms and cursors go on from the reserve, and all is well again when there is room", async () => {
    const logs = start();
    const health: LogHealth[] = [];
    logs.onHealth((state) => health.push(state));
    await logs.observations.append([denied(1)]);
    disk.fill(mib / 2);
    const { acknowledged, error } = await appendUntilFull(logs);
    expect(isGatewayError(error, "DISK_FULL")).toBe(true);
    expect(logs.health()).toMatchObject({ ok: false, code: "DISK_FULL" });
    expect(logs.storage()).toMatchObject({ writable: false, code: "DISK_FULL" });

    for (let place = 1; place <= 500; place += 1) logs.alarms.append([alarmStep("fire-0001", "updated", place)]);
    logs.cursors.set(eventCursorName, 1);
    logs.cursors.set(alarmCursorName, 500);
    expect(existsSync(join(data, "reserve"))).toBe(false);
    await expect(logs.observations.append([denied(2)])).rejects.toMatchObject({ code: "DISK_FULL" });

    logs.clock.advance(60_000);
    expect(logs.health().ok).toBe(false);
    disk.free();
    logs.clock.advance(60_000);
    expect(logs.health().ok).toBe(true);
    expect(existsSync(join(data, "reserve"))).toBe(true);
    expect(health.map((state) => state.code)).toEqual(["DISK_FULL", undefined]);
    const [next] = await logs.observations.append([denied(3)]);
    expect(next?.seq).toBe(acknowledged.length + 2);

    logs.close();
    const again = start();
    expect(again.damage).toBeUndefined();
    expect(allSeqs(again)).toEqual(Array.from({ length: acknowledged.length + 2 }, (_, i) => i + 1));
    expect(again.alarms.verify()).toMatchObject({ ok: true, rows: 500 });
    expect([again.cursors.get(eventCursorName), again.cursors.get(alarmCursorName)]).toEqual([1, 500]);
  });

  test("what was refused is not in the log: neither live nor after a restart", async () => {
    const logs = start();
    disk.fill(mib / 4);
    const { acknowledged } = await appendUntilFull(logs);
    const refused = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => logs.observations.append([denied(i)])),
    );
    expect(refused.every((outcome) => outcome.status === "rejected")).toBe(true);
    expect(allSeqs(logs)).toEqual(acknowledged);
    disk.free();
    logs.close();
    expect(allSeqs(start())).toEqual(acknowledged);
  });

  test("the gateway starts on a full disk, refuses observations and still takes alarms", async () => {
    const first = start();
    await first.observations.append([denied(1)]);
    first.close();
    disk.fill(0);
    const logs = start();
    expect(logs.health()).toMatchObject({ ok: false, code: "DISK_FULL" });
    logs.alarms.append([alarmStep("fire-0001", "raised")]);
    await expect(logs.observations.append([denied(2)])).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.free();
    logs.clock.advance(60_000);
    await logs.observations.append([denied(2)]);
    expect(logs.alarms.openAlarms()).toHaveLength(1);
  });

  test("on a disk smaller than the budget what was delivered makes room for what comes", async () => {
    const logs = start({ reserveBytes: 4 * mib });
    let total = 0;
    for (let round = 0; round < 3; round += 1) {
      const { acknowledged } = await appendUntilFull(logs, round * 300_000);
      total += acknowledged.length;
      fuseAll(logs);
      logs.cursors.set(eventCursorName, logs.observations.head());
      logs.clock.advance(60_000);
      expect(logs.health().ok).toBe(true);
    }
    expect(logs.observations.head()).toBe(total);
    expect(logs.lanes.events.first()).toBeGreaterThan(1);
    expect(logs.ledger("events")).toMatchObject({ accepted: total, delivered: total, pending: 0, evicted: 0 });
    expect(logs.gaps.read(0, 10)).toEqual([]);
  });

  test("what was not delivered is never given up for a full disk", async () => {
    const logs = start({ reserveBytes: 4 * mib });
    await appendUntilFull(logs);
    fuseAll(logs);
    logs.clock.advance(600_000);
    expect(logs.health()).toMatchObject({ ok: false, code: "DISK_FULL" });
    expect(logs.lanes.events.first()).toBe(1);
    expect(logs.ledger("events").pending).toBe(logs.observations.head());
  });
});
