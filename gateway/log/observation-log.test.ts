import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { allSeqs, denied, openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { isGatewayError } from "../domain/errors.ts";
import { type LoggedObservation, observationSchema } from "../domain/observation.ts";
import { Database } from "./database.ts";
import type { Logs } from "./open-logs.ts";

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

function start(clock = new ManualClock()): Logs & { clock: ManualClock } {
  const logs = openTestLogs(dir.path, { clock });
  open.push(logs);
  return logs;
}

describe("the observation log", () => {
  test("numbers from 1 in the order of the calls and gives each call its own numbers", async () => {
    const { observations } = start();
    const calls = await Promise.all([
      observations.append([denied(1), denied(2)]),
      observations.append([denied(3)]),
      observations.append([]),
      observations.append([denied(4)]),
    ]);
    expect(calls.map((call) => call.map((item) => item.seq))).toEqual([[1, 2], [3], [], [4]]);
    expect(observations.head()).toBe(4);
  });

  test("what is read back has the published shape and equals what the listeners got", async () => {
    const { observations, lanes } = start();
    const heard: LoggedObservation[] = [];
    observations.onCommitted((batch) => heard.push(...batch));
    await observations.append([
      denied(1, { occurredAtMs: Date.parse("2026-11-23T23:59:59.500Z"), sourceRecordId: 'a"\\记' }),
      denied(2),
    ]);
    const read = observations.read(0, 10);
    expect(read).toEqual(heard);
    for (const { observation } of read) expect(observationSchema.parse(observation)).toEqual(observation);
    expect(read[0]?.observation).toMatchObject({
      seq: 1,
      siteId: "jinshuiwan",
      occurredAt: "2026-11-23T23:59:59.500Z",
      receivedAt: "2026-11-24T00:00:00.000Z",
      sourceRecordId: 'a"\\记',
    });
    expect(read[1]?.observation.occurredAt).toBe(read[1]?.observation.receivedAt);
    expect(lanes.events.read(0, 10).map((entry) => JSON.parse(entry.data))).toEqual(read.map((e) => e.observation));
  });

  test("a record delivered twice is stored once and answered with its first number, in one batch and across restarts", async () => {
    const first = start();
    const key = { dedupKey: "1024|1795478400" };
    expect(await first.observations.append([denied(1), denied(2, key), denied(3, key)])).toEqual([
      { seq: 1, duplicate: false },
      { seq: 2, duplicate: false },
      { seq: 2, duplicate: true },
    ]);
    first.close();
    const second = start();
    expect(await second.observations.append([denied(4, key), denied(5, key, "gate-west"), denied(6)])).toEqual([
      { seq: 2, duplicate: true },
      { seq: 3, duplicate: false },
      { seq: 4, duplicate: false },
    ]);
  });

  test("a record is known among ten thousand others, long after it came and across a restart", async () => {
    const first = start();
    const keyed = (n: number) => denied(n, { dedupKey: `record-${n}` }, `gate-${n % 7}`);
    for (let n = 0; n < 10_000; n += 500) {
      await first.observations.append(Array.from({ length: 500 }, (_, i) => keyed(n + i)));
    }
    const again = [0, 3999, 4999, 5001, 9999];
    const known = again.map((n) => ({ seq: n + 1, duplicate: true }));
    expect(await first.observations.append(again.map(keyed))).toEqual(known);
    first.close();
    expect(await start().observations.append(again.map(keyed))).toEqual(known);
  });

  test("log time never goes back: not with the clock, not below a time that was held, not across a restart", async () => {
    const clock = new ManualClock(1_000_000);
    const first = start(clock);
    await first.observations.append([denied(1)]);
    first.observations.holdTime(1_000_500);
    await first.observations.append([denied(2)]);
    first.close();
    const second = start(new ManualClock(900_000));
    await second.observations.append([denied(3)]);
    expect(second.observations.read(0, 10).map((entry) => entry.at)).toEqual([1_000_000, 1_000_500, 1_000_500]);
    expect(second.boot).toEqual({ number: 2, lastAt: 1_000_500 });
  });

  test("the time of receipt is the wall clock's and that of the call, though log time does not follow a step", async () => {
    const logs = start();
    logs.clock.step(-3_600_000);
    const waiting = logs.observations.append([denied(1)]);
    logs.clock.advance(5000);
    await waiting;
    const [entry] = logs.observations.read(0, 1);
    expect(entry?.observation.receivedAt).toBe("2026-11-23T23:00:00.000Z");
    expect(entry?.at).toBe(Date.parse("2026-11-24T00:00:05.000Z"));
  });

  test("a draft that is no JSON value costs its own call only", async () => {
    const { observations } = start();
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const outcomes = await Promise.allSettled([
      observations.append([denied(1)]),
      observations.append([denied(2, { body: cyclic } as never)]),
      observations.append([denied(3, { occurredAtMs: Number.NaN })]),
      observations.append([denied(4)]),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(observations.head()).toBe(2);
  });

  test("a row that the file refuses costs its own call only, though it was committed together with others", async () => {
    const { observations } = start();
    const outcomes = await Promise.allSettled([
      observations.append([denied(1)]),
      observations.append([denied(2, { dedupKey: {} } as never)]),
      observations.append([denied(3)]),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(allSeqs({ observations } as Logs)).toEqual([1, 2]);
  });

  test("what does not fit into the queue is refused at once, and nothing of it is stored", async () => {
    const { observations } = start();
    const batches = Array.from({ length: 25 }, (_, i) =>
      observations.append(Array.from({ length: 1000 }, () => denied(i))),
    );
    const outcomes = await Promise.allSettled(batches);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(5);
    for (const { reason } of refused) expect(isGatewayError(reason, "LOG_BUSY")).toBe(true);
    expect(observations.head()).toBe(20_000);
  });

  test("is idle only while nothing waits to be written", async () => {
    const { observations } = start();
    expect(observations.idle()).toBe(true);
    const waiting = observations.append([denied(1)]);
    expect(observations.idle()).toBe(false);
    await waiting;
    expect(observations.idle()).toBe(true);
  });

  test("one turn of the event loop makes one commit, however many call", async () => {
    const commits: number[] = [];
    const logs = start();
    logs.observations.onCommitted((batch) => commits.push(batch.length));
    await Promise.all(Array.from({ length: 500 }, (_, i) => logs.observations.append([denied(i)])));
    await logs.observations.append([denied(500)]);
    expect(commits).toEqual([500, 1]);
  });

  test("closing writes what waits, refuses what comes after, and may be called again", async () => {
    const logs = start();
    const waiting = logs.observations.append([denied(1)]);
    logs.close();
    logs.close();
    expect(await waiting).toEqual([{ seq: 1, duplicate: false }]);
    await expect(logs.observations.append([denied(2)])).rejects.toMatchObject({ code: "LOG_CLOSED" });
    expect(allSeqs(start())).toEqual([1]);
  });

  test("a listener that throws keeps neither the acknowledgement nor the other listeners from a commit", async () => {
    const { observations } = start();
    let heard = 0;
    observations.onCommitted(() => {
      throw new Error("a rule is broken");
    });
    observations.onCommitted(() => {
      heard += 1;
    });
    await expect(observations.append([denied(1)])).resolves.toHaveLength(1);
    expect(heard).toBe(1);
  });

  test("an observation whose text was changed on the disk is never handed out as if it were sound", async () => {
    const logs = start();
    await logs.observations.append([denied(1), denied(2)]);
    const intruder = new Database({ path: `${dir.path}/zhian.db` });
    intruder.exec(`UPDATE observations SET json = replace(json, 'refused', 'expired') WHERE seq = 2`);
    intruder.close();
    expect(() => logs.observations.read(0, 10)).toThrow(expect.objectContaining({ code: "DB_CORRUPT" }));
    expect(() => logs.lanes.events.read(0, 10)).toThrow(expect.objectContaining({ code: "DB_CORRUPT" }));
    expect(logs.health()).toMatchObject({ ok: false, code: "DB_CORRUPT" });
  });
});
