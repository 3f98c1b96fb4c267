import { describe, expect, test } from "vitest";
import { FusionBench, testSite, withDefaults } from "../../tests/support/fusion-bench.ts";
import { maxOpenAlarms } from "../alarms/respond.ts";
import type { Disposition } from "../domain/alarm.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import { rules } from "../fusion/rules.ts";
import { type Rehearsed, rehearse } from "./rehearse.ts";

const minute = 60_000;
const wang = { name: "wang", via: "console" } as const;

function heat(bench: FusionBench, temperatureC: number): void {
  bench.observe("ext-1", "b3-u1", { kind: "thermal.reading", body: { temperatureC } });
}

function refuse(bench: FusionBench, times = 1): void {
  for (let n = 0; n < times; n += 1) {
    bench.observe("gate-1", "b3-u1", { kind: "access.denied", body: { delivery: "live", reason: "refused" } });
    bench.clock.advance(1000);
  }
}

function close(bench: FusionBench, disposition: Disposition = "false"): void {
  const [alarm] = bench.desk.open();
  if (alarm === undefined) throw new Error("no alarm is open");
  bench.desk.close(alarm.id, wang, disposition);
}

/** `firstObservation`, `firstStep`: what lies before it was removed by retention. */
function replay(
  bench: FusionBench,
  params: Record<string, unknown> = {},
  { firstObservation = 1, firstStep = 1 } = {},
): Rehearsed {
  const until = bench.alarms.checkpoint();
  const steps = bench.alarms.entries.map((entry, i) => ({ ...entry, at: bench.alarms.times[i] ?? 0 }));
  return rehearse({
    recording: {
      read: (after, limit) => bench.log.read(Math.max(after, firstObservation - 1), limit),
      steps: (after, limit) => steps.slice(Math.max(after, firstStep - 1)).slice(0, limit),
      ...(until === undefined ? {} : { until }),
    },
    rules: withDefaults(rules, params),
    site: testSite,
    withinMs: 10 * minute,
  });
}

const counts = ({ same, raised, gone, earlier, later, outside }: Rehearsed) => ({
  same,
  raised,
  gone,
  earlier,
  later,
  outside,
});
const none = { same: 0, raised: 0, gone: 0, earlier: 0, later: 0, outside: 0 };

describe("a replay of what was recorded", () => {
  test("with fewer refusals to an alarm raises the same one earlier", () => {
    const bench = new FusionBench();
    refuse(bench, 4);
    const result = replay(bench, { "access-denied-repeated": { count: 2 } });
    expect(counts(result)).toEqual({ ...none, earlier: 1 });
    const [moved] = result.earlierAlarms;
    expect(moved).toMatchObject({ rule: "access-denied-repeated", subject: "gate-1", differenceMs: -1000 });
    expect(moved?.alarmId).toBe(moved?.live.alarmId);
  });

  test("with a longer grace raises a device that is offline later, and one that came back not at all", () => {
    const bench = new FusionBench();
    bench.observe("cam-1", "b3", { kind: "device.offline", body: { reason: "silent" } });
    bench.observe("gate-1", "b3", { kind: "device.offline", body: { reason: "silent" } });
    bench.clock.advance(40_000);
    bench.observe("gate-1", "b3", { kind: "device.online", body: {} });
    bench.clock.advance(2 * minute);
    refuse(bench, 3);
    const result = replay(bench, { "device-offline": { grace: "1m" } });
    expect(counts(result)).toEqual({ ...none, same: 1, later: 1, gone: 1 });
    expect(result.laterAlarms[0]).toMatchObject({ subject: "cam-1", differenceMs: 30_000 });
    expect(result.goneAlarms[0]).toMatchObject({ subject: "gate-1" });
  });

  test("with a higher threshold pairs a fire that opens with another reading, and misses one that stays below", () => {
    const bench = new FusionBench();
    for (const celsius of [50, 54, 58, 62, 66, 70]) {
      heat(bench, celsius);
      bench.clock.advance(minute);
    }
    bench.observe("ext-2", "b4", { kind: "thermal.reading", body: { temperatureC: 60 } });
    const result = replay(bench, { fire: { staticThreshold: 68 } });
    expect(counts(result)).toEqual({ ...none, later: 1, gone: 1 });
    const [moved] = result.laterAlarms;
    expect(moved).toMatchObject({ subject: "ext-1", differenceMs: 3 * minute });
    expect(moved?.alarmId).not.toBe(moved?.live.alarmId);
    expect(result.goneAlarms[0]).toMatchObject({ subject: "ext-2", severity: "critical" });
  });

  test("with a lower threshold raises what nobody heard of", () => {
    const bench = new FusionBench();
    heat(bench, 55);
    bench.clock.advance(minute);
    refuse(bench, 3);
    const result = replay(bench, { fire: { staticThreshold: 50 } });
    expect(counts(result)).toEqual({ ...none, same: 1, raised: 1 });
    expect(result.raisedAlarms[0]).toMatchObject({ rule: "fire", subject: "ext-1", explanation: { zh: /55/ } });
  });

  test("too far apart in time are two alarms, not one that moved", () => {
    const bench = new FusionBench();
    heat(bench, 60);
    bench.clock.advance(11 * minute);
    heat(bench, 90);
    expect(counts(replay(bench, { fire: { staticThreshold: 85, rateOfRise: 60, minRise: 40 } }))).toEqual({
      ...none,
      raised: 1,
      gone: 1,
    });
  });

  test("lets a person close the alarm that stands for the one that was closed live, so that the next is a new one", () => {
    const bench = new FusionBench();
    for (const celsius of [50, 54, 58, 62, 66]) {
      heat(bench, celsius);
      bench.clock.advance(minute);
    }
    close(bench);
    heat(bench, 30);
    bench.clock.advance(20 * minute);
    heat(bench, 70);
    expect(counts(replay(bench, { fire: { staticThreshold: 62 } }))).toEqual({ ...none, same: 1, later: 1 });
  });

  test("puts an act before what these rules alone make of a later moment", () => {
    const bench = new FusionBench();
    heat(bench, 60);
    bench.clock.advance(minute);
    heat(bench, 30);
    bench.clock.advance(minute);
    close(bench);
    bench.clock.advance(20 * minute);
    heat(bench, 55);
    expect(counts(replay(bench, { fire: { staticThreshold: 52 } }))).toEqual({ ...none, same: 1, raised: 1 });
  });

  test("puts back what the gateway gave up when too many alarms were open", () => {
    const bench = new FusionBench();
    const all = Array.from({ length: maxOpenAlarms + 1 }, (_, i) => `cam-${i}`);
    // Each in a building of its own: together they would be one outage.
    const say = (device: string, draft: ObservationDraft): void =>
      bench.observe(device, device.replace("cam-", "b"), draft);
    const silent = { kind: "device.offline", body: { reason: "silent" } } as const;
    const back = { kind: "device.online", body: {} } as const;
    for (const device of all) say(device, silent);
    bench.clock.advance(minute);
    for (const device of all) say(device, back);
    const [givenUp] = bench.alarms.entries.filter(({ transition }) => transition.disposition === "duplicate");
    if (givenUp === undefined) throw new Error("no alarm was given up");
    say(givenUp.alarm.subject, silent);
    bench.clock.advance(minute);
    // One each, one again, and the flood that they are.
    expect(bench.steps().filter((step) => step === "raised")).toHaveLength(maxOpenAlarms + 3);
    expect(counts(replay(bench))).toEqual({ ...none, same: maxOpenAlarms + 3 });
  });

  test("goes as far as the rules had come when it was recorded, and no further", () => {
    const bench = new FusionBench();
    refuse(bench, 3);
    const recording = { read: bench.log.read.bind(bench.log), steps: () => [] };
    const options = { rules: withDefaults(), site: testSite, withinMs: 0 };
    const upTo = (cursor: number) => ({ ...recording, until: { cursor, at: bench.clock.now() } });
    expect(rehearse({ ...options, recording: upTo(2) })).toMatchObject({ raised: 0, log: { lastSeq: 2 } });
    expect(rehearse({ ...options, recording: upTo(3) })).toMatchObject({ raised: 1, log: { lastSeq: 3 } });
    expect(rehearse({ ...options, recording })).toMatchObject({ raised: 1, log: { lastSeq: 3 } });
  });

  test("of nothing says that there was nothing", () => {
    expect(replay(new FusionBench())).toMatchObject({ ...none, ruleErrors: 0 });
    expect(replay(new FusionBench()).log).toBeUndefined();
  });

  test("tells which observations it went through", () => {
    const bench = new FusionBench();
    refuse(bench, 3);
    expect(replay(bench).log).toEqual({
      observations: 3,
      firstSeq: 1,
      lastSeq: 3,
      from: "2026-11-24T00:00:00.000Z",
      to: "2026-11-24T00:00:02.000Z",
    });
  });

  test("goes on after a rule that throws, and counts it", () => {
    const bench = new FusionBench();
    refuse(bench, 3);
    const [first] = withDefaults();
    if (first === undefined) throw new Error("no rule");
    const broken = {
      ...first,
      rule: {
        ...first.rule,
        kinds: ["access.denied" as const],
        keyOf: () => {
          throw new Error("broken");
        },
      },
    };
    const recording = { read: bench.log.read.bind(bench.log), steps: () => [] };
    const result = rehearse({ recording, rules: [broken, ...withDefaults()], site: testSite, withinMs: 0 });
    expect(result).toMatchObject({ raised: 1, ruleErrors: 3 });
  });
});

describe("a replay of a log whose beginning was removed", () => {
  test("leaves out an alarm whose opening is gone, and raises it anew only after it was closed", () => {
    const bench = new FusionBench();
    heat(bench, 60);
    bench.clock.advance(20 * minute);
    heat(bench, 85);
    bench.clock.advance(minute);
    const open = replay(bench, {}, { firstObservation: 2 });
    expect(counts(open)).toEqual({ ...none, outside: 1 });
    close(bench);
    heat(bench, 30);
    bench.clock.advance(30 * minute);
    heat(bench, 70);
    expect(counts(replay(bench, {}, { firstObservation: 2 }))).toEqual({ ...none, same: 1, outside: 1 });
  });

  test("does not take the half that it sees of an alarm for a new one", () => {
    const bench = new FusionBench();
    bench.observe("cam-1", "b3", { kind: "throw.detected", body: { delivery: "live" } });
    bench.clock.advance(1000);
    bench.observe("cam-1", "b3", { kind: "throw.detected", body: { delivery: "live" } });
    bench.clock.advance(minute);
    expect(counts(replay(bench, {}, { firstObservation: 2 }))).toEqual({ ...none, outside: 1 });
  });

  test("does not call new what was raised before the alarm log begins", () => {
    const bench = new FusionBench();
    refuse(bench, 3);
    bench.clock.advance(10 * minute);
    close(bench);
    bench.clock.advance(10 * minute);
    refuse(bench, 3);
    const firstStep = bench.alarms.entries.findLastIndex(({ transition }) => transition.step === "raised") + 1;
    expect(counts(replay(bench, {}, { firstStep }))).toEqual({ ...none, same: 1 });
  });
});
