import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outputOf } from "../../tests/support/log-child.ts";
import { temporaryDir } from "../../tests/support/log-fixture.ts";

/** Runs in a process under the failing disk: trouble comes, stays, goes; then a new start. */
const scenario = (data: string, flag: string, call: string): string => `
  import { rmSync, writeFileSync } from "node:fs";
  import { alarmStep, allSeqs, denied, openTestLogs } from "support/log-fixture.ts";
  const outcome = async (append) => append.then((appended) => appended.map((item) => item.seq), (error) => error.code);
  const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
  const logs = openTestLogs(${JSON.stringify(data)});
  const heard = [];
  logs.onHealth((health) => heard.push(health.ok ? "ok" : health.code));
  const told = { good: await outcome(logs.observations.append([denied(1)])) };
  logs.alarms.append([alarmStep("fire-0001", "raised", 1)]);
  writeFileSync(${JSON.stringify(flag)}, ${JSON.stringify(call)});
  told.failing = await outcome(logs.observations.append([denied(2), denied(3)]));
  told.atOnce = await outcome(logs.observations.append([denied(4)]));
  told.alarm = attempt(() => logs.alarms.append([alarmStep("fire-0001", "updated", 2)]).length);
  logs.clock.advance(120_000);
  told.stillFailing = await outcome(logs.observations.append([denied(5)]));
  told.readable = allSeqs(logs);
  rmSync(${JSON.stringify(flag)});
  logs.clock.advance(60_000);
  told.mended = logs.health().ok;
  told.after = await outcome(logs.observations.append([denied(6)]));
  told.alarmAfter = attempt(() => logs.alarms.append([alarmStep("fire-0001", "updated", 2)])[0].seq);
  told.heard = heard;
  logs.close();
  const again = openTestLogs(${JSON.stringify(data)});
  told.damage = again.damage ?? null;
  told.seqs = allSeqs(again);
  told.chain = again.alarms.verify().ok;
  again.close();
  console.log(JSON.stringify(told));
`;

describe("a disk that fails", () => {
  let dir: ReturnType<typeof temporaryDir>;
  let library: string;
  beforeAll(() => {
    dir = temporaryDir();
    library = join(dir.path, "failing-disk.so");
    const source = resolve(import.meta.dirname, "../../tests/support/failing-disk.c");
    execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]);
  });
  afterAll(() => dir.remove());

  test.each([["fdatasync"], ["pwrite"]])(
    "with EIO from %s nothing is acknowledged and nothing of the failed batch comes back; it goes on by itself when the disk is well",
    async (call) => {
      const data = join(dir.path, call);
      mkdirSync(data);
      const flag = join(dir.path, `${call}.flag`);
      const output = await outputOf(scenario(data, flag, call), {
        LD_PRELOAD: library,
        FAILING_DISK_DIR: data,
        FAILING_DISK_FLAG: flag,
      });
      expect(JSON.parse(output)).toEqual({
        good: [1],
        failing: "DISK_FAILED",
        atOnce: "DISK_FAILED",
        alarm: "DISK_FAILED",
        stillFailing: "DISK_FAILED",
        readable: [1],
        mended: true,
        after: [2],
        alarmAfter: 2,
        heard: ["DISK_FAILED", "ok"],
        damage: null,
        seqs: [1, 2],
        chain: true,
      });
    },
  );
});
