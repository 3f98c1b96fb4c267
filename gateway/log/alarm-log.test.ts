import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alarmStep, denied, openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { alarmIdSchema } from "../domain/ids.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

const fire = alarmIdSchema.parse("fire-0001");
const thrown = alarmIdSchema.parse("thrown-0001");

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

function start(): Logs {
  const logs = openTestLogs(dir.path);
  open.push(logs);
  return logs;
}

/** Does what nobody should: writes into the file beside the gateway. */
function tamper(sql: string): void {
  const intruder = new Database({ path: `${dir.path}/zhian.db` });
  intruder.exec(sql);
  intruder.close();
}

describe("the alarm log", () => {
  test("keeps every step and each alarm as it stands, also across a restart", () => {
    const first = start();
    first.alarms.append([alarmStep(fire, "raised", 1), alarmStep(thrown, "raised", 1)]);
    first.alarms.append([alarmStep(fire, "updated", 2), alarmStep(thrown, "closed", 2)]);
    first.close();
    const { alarms } = start();
    expect(alarms.read(0, 10).map((row) => [row.seq, row.transition.alarmId, row.transition.step])).toEqual([
      [1, fire, "raised"],
      [2, thrown, "raised"],
      [3, fire, "updated"],
      [4, thrown, "closed"],
    ]);
    expect(alarms.openAlarms().map((alarm) => alarm.id)).toEqual([fire]);
    expect(alarms.alarm(thrown)?.state).toBe("closed");
    expect([alarms.newestOf(fire), alarms.newestOf(thrown), alarms.head()]).toEqual([3, 4, 4]);
    expect(alarms.newestOf(alarmIdSchema.parse("never-raised"))).toBe(0);
  });

  test("a step that is there already is not written twice, whatever runs again", () => {
    const { alarms } = start();
    const [before] = alarms.append([alarmStep(fire, "raised", 1)]);
    expect(alarms.append([alarmStep(fire, "raised", 1), alarmStep(fire, "updated", 2)])).toMatchObject([
      { seq: before?.seq, transition: { step: "raised" } },
      { seq: 2, transition: { step: "updated" } },
    ]);
    expect(alarms.head()).toBe(2);
  });

  test("the state of the rules and the steps that came out of them are saved together and read back", () => {
    const first = start();
    first.alarms.append([], {
      cursor: 5,
      at: 1000,
      states: [
        { rule: "fire", key: "ext-1", state: { readings: [1.5, 2] } },
        { rule: "fire", key: "ext-2", state: "warm" },
      ],
    });
    first.alarms.append([alarmStep(fire, "raised")], {
      cursor: 9,
      at: 2000,
      states: [
        { rule: "fire", key: "ext-2" },
        { rule: "thrown-object", key: "cam", state: 7 },
      ],
    });
    first.close();
    const { alarms, boot } = start();
    expect(alarms.checkpoint()).toEqual({
      cursor: 9,
      at: 2000,
      states: [
        { rule: "fire", key: "ext-1", state: { readings: [1.5, 2] } },
        { rule: "thrown-object", key: "cam", state: 7 },
      ],
    });
    expect(alarms.read(0, 1)[0]?.observationCursor).toBe(9);
    expect(boot).toEqual({ number: 2, lastAt: Date.parse("2026-11-24T00:00:00.000Z") });
  });

  test("there is no checkpoint before fusion saved one, and an act of a person stands where fusion was last saved", () => {
    const { alarms } = start();
    expect(alarms.checkpoint()).toBeUndefined();
    alarms.append([], { cursor: 12, at: 1, states: [] });
    expect(alarms.append([alarmStep(fire, "acknowledged")])[0]?.observationCursor).toBe(12);
  });

  test("a batch that fails leaves nothing behind: no step, no alarm, no state of a rule", () => {
    const { alarms } = start();
    alarms.append([alarmStep(fire, "raised", 1)], { cursor: 1, at: 1, states: [] });
    const head = alarms.chainHead();
    const broken = alarmStep(thrown, "raised", 1);
    const unwritable = { ...broken, transition: { ...broken.transition, id: { not: "text" } as never } };
    expect(() =>
      alarms.append([alarmStep(fire, "updated", 2), unwritable], {
        cursor: 2,
        at: 2,
        states: [{ rule: "r", key: "k", state: 1 }],
      }),
    ).toThrow();
    expect([alarms.head(), alarms.chainHead(), alarms.newestOf(fire)]).toEqual([1, head, 1]);
    expect(alarms.checkpoint()).toEqual({ cursor: 1, at: 1, states: [] });
  });

  test("the chain holds over restarts, and its head changes with every step", () => {
    const first = start();
    const heads = [first.alarms.chainHead()];
    for (let place = 1; place <= 5; place += 1) {
      first.alarms.append([alarmStep(fire, "updated", place)]);
      heads.push(first.alarms.chainHead());
    }
    expect(new Set(heads).size).toBe(6);
    expect(heads.every((head) => /^[0-9a-f]{64}$/.test(head))).toBe(true);
    first.close();
    const { alarms } = start();
    alarms.append([alarmStep(fire, "closed", 6)]);
    expect(alarms.verify()).toEqual({ ok: true, rows: 6, head: alarms.chainHead() });
  });

  test.each([
    [
      "edited",
      `UPDATE alarm_log SET transition = replace(transition, 'critical', 'warning') WHERE seq = 3`,
      3,
      "changed",
    ],
    ["redated", `UPDATE alarm_log SET at = at + 1 WHERE seq = 4`, 4, "changed"],
    ["taken out", `DELETE FROM alarm_log WHERE seq = 2`, 2, "missing"],
    [
      "given the state of another",
      `UPDATE alarm_log SET alarm = (SELECT alarm FROM alarm_log WHERE seq = 5) WHERE seq = 1`,
      1,
      "changed",
    ],
  ])("a row that was %s is found, at the first link that breaks", (_how, sql, seq, why) => {
    const { alarms } = start();
    for (let place = 1; place <= 5; place += 1) alarms.append([alarmStep(fire, "updated", place)]);
    expect(alarms.verify().ok).toBe(true);
    tamper(sql);
    expect(alarms.verify()).toEqual({ ok: false, seq, why });
  });

  test("cutting the end off is found by whoever kept the head", () => {
    const logs = start();
    for (let place = 1; place <= 5; place += 1) logs.alarms.append([alarmStep(fire, "updated", place)]);
    const told = logs.alarms.chainHead();
    tamper("DELETE FROM alarm_log WHERE seq = 5");
    expect(logs.alarms.verify()).toMatchObject({ ok: true, rows: 4 });
    expect(logs.alarms.verify()).not.toMatchObject({ head: told });
  });
});

describe("the alarm lane", () => {
  test("only the newest step of an alarm carries it as it stands, and a closed one is emptied", () => {
    const { alarms, lanes } = start();
    alarms.append([alarmStep(fire, "raised", 1), alarmStep(thrown, "raised", 1), alarmStep(fire, "updated", 2)]);
    alarms.append([alarmStep(thrown, "closed", 2)]);
    const entries = lanes.alarms.read(0, 10);
    expect(entries.map((entry) => entry.retained?.alarmId)).toEqual([undefined, undefined, fire, thrown]);
    expect(JSON.parse(entries[2]?.retained?.alarm ?? "")).toEqual(alarms.alarm(fire));
    expect(entries[3]?.retained).toEqual({ alarmId: thrown });
    expect(entries[0]).toMatchObject({
      id: `${fire}-1`,
      type: "zhian.alarm.transition",
      subject: fire,
      time: "2026-11-24T00:00:00.000Z",
    });
    expect(JSON.parse(entries[0]?.data ?? "")).toEqual(alarms.read(0, 1)[0]?.transition);
  });

  test("each lane tells its own readers, after the commit that they can see", async () => {
    const { alarms, observations, lanes } = start();
    const heard: string[] = [];
    lanes.alarms.onAppended(() => heard.push(`alarms ${lanes.alarms.head()}`));
    const stop = lanes.events.onAppended(() => heard.push(`events ${lanes.events.head()}`));
    await observations.append([denied(1), denied(2)]);
    alarms.append([alarmStep(fire, "raised")]);
    alarms.append([], { cursor: 2, at: 0, states: [] });
    stop();
    await observations.append([denied(3)]);
    expect(heard).toEqual(["events 2", "alarms 1"]);
  });
});
