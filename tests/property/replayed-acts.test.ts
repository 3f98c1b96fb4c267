import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AlarmComparison } from "../../gateway/alarms/comparison.ts";
import { type RecordedStep, Rehearsal } from "../../gateway/alarms/rehearsal.ts";
import { rehearse } from "../../gateway/commands/rehearse.ts";
import type { Alarm } from "../../gateway/domain/alarm.ts";
import { replaySignals } from "../../gateway/fusion/replay.ts";
import { rules } from "../../gateway/fusion/rules.ts";
import { FusionBench, testSite, withDefaults } from "../support/fusion-bench.ts";
import { type Act, act, type Happening, happening, live } from "../support/site-life.ts";

const life = fc.array(fc.oneof({ weight: 3, arbitrary: happening }, { weight: 1, arbitrary: act }), {
  minLength: 10,
  maxLength: 150,
  size: "max",
});
const lived = (happenings: readonly (Happening | Act)[]): FusionBench => live(new FusionBench(), happenings);

interface How {
  readonly withoutActs?: boolean;
  /** Retention removed the observations before this one. */
  readonly from?: number;
}

/** What the two logs of a site hold, read like the files of a gateway. */
function recordingOf(bench: FusionBench, { withoutActs = false, from = 1 }: How = {}) {
  const all = bench.alarms.entries.map((entry, i): RecordedStep => ({ ...entry, at: bench.alarms.times[i] ?? 0 }));
  const steps = all.filter(({ transition }) => !withoutActs || (transition.by?.via ?? "gateway") === "gateway");
  const until = bench.alarms.checkpoint();
  return {
    read: (after: number, limit: number) => bench.log.read(Math.max(after, from - 1), limit),
    steps: (after: number, limit: number) => steps.filter(({ seq }) => seq > after).slice(0, limit),
    ...(until === undefined ? {} : { until }),
  };
}

const replayed = (bench: FusionBench, how: How = {}, params: Record<string, unknown> = {}) =>
  rehearse({
    recording: recordingOf(bench, how),
    rules: withDefaults(rules, params),
    site: testSite,
    withinMs: 600_000,
  });

const raisedLive = (bench: FusionBench): number =>
  bench.alarms.entries.filter(({ transition }) => transition.step === "raised").length;

/** The alarms that are open when the recording ends. */
function openAfterwards(bench: FusionBench): readonly Alarm[] {
  const recording = recordingOf(bench);
  const comparison = new AlarmComparison({ withinMs: 0 });
  for (const { transition } of bench.alarms.entries) {
    if (transition.step === "raised") comparison.recorded(transition);
  }
  const rehearsal = new Rehearsal({ read: recording.steps, isOutside: (id) => comparison.isOutside(id) });
  const signals = replaySignals({
    recording,
    rules: withDefaults(),
    site: testSite,
    onObservation: ({ observation }) => comparison.observed(observation.id),
    onRuleError: () => {},
  });
  for (const signal of signals) rehearsal.take(signal);
  rehearsal.finish();
  return rehearsal.open;
}

const asTheyStand = (alarms: readonly Alarm[]): string[] =>
  alarms.map(({ id, state, revision, count }) => `${id} ${state} ${revision} ${count}`).sort();

describe("a replay with the parameters that ran live", () => {
  test("raises the same alarms at the same moments, whatever people did in between", () => {
    const seen = { alarms: 0, acknowledged: 0, closed: 0 };
    fc.assert(
      fc.property(life, (happenings) => {
        const bench = lived(happenings);
        const alarms = raisedLive(bench);
        seen.alarms += alarms;
        for (const { transition } of bench.alarms.entries) {
          if (transition.step === "acknowledged") seen.acknowledged += 1;
          if (transition.step === "closed" && transition.by?.via !== "gateway") seen.closed += 1;
        }
        const { same, raised, gone, earlier, later, outside, ruleErrors } = replayed(bench);
        expect({ same, raised, gone, earlier, later, outside, ruleErrors }).toEqual({
          same: alarms,
          raised: 0,
          gone: 0,
          earlier: 0,
          later: 0,
          outside: 0,
          ruleErrors: 0,
        });
        expect(asTheyStand(openAfterwards(bench))).toEqual(asTheyStand(bench.desk.open()));
      }),
      { numRuns: 500 },
    );
    // The property would hold for a site where nothing happens.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(200);
  }, 120_000);

  test("is not the same without the acts of people (control: the property bites)", () => {
    let differed = 0;
    fc.assert(
      fc.property(life, (happenings) => {
        const { raised, gone, earlier, later } = replayed(lived(happenings), { withoutActs: true });
        if (raised + gone + earlier + later > 0) differed += 1;
      }),
      { numRuns: 100 },
    );
    expect(differed).toBeGreaterThan(0);
  }, 120_000);
});

describe("a replay with other parameters, of a log whose beginning is gone", () => {
  test("accounts for every alarm that was raised live, once", () => {
    const params = fc.record({
      fire: fc.record({ staticThreshold: fc.integer({ min: 40, max: 90 }) }),
      "access-denied-repeated": fc.record({ count: fc.integer({ min: 2, max: 5 }) }),
      "device-offline": fc.record({ grace: fc.constantFrom("1s", "30s", "2m") }),
      "thrown-object": fc.record({ window: fc.constantFrom("1s", "15s", "1m") }),
    });
    const seen = { same: 0, raised: 0, gone: 0, earlier: 0, later: 0, outside: 0 };
    fc.assert(
      fc.property(life, params, fc.integer({ min: 1, max: 40 }), (happenings, changed, from) => {
        const bench = lived(happenings);
        const result = replayed(bench, { from }, changed);
        const { same, gone, earlier, later, outside } = result;
        expect(same + gone + earlier + later + outside).toBe(raisedLive(bench));
        for (const name of ["same", "raised", "gone", "earlier", "later", "outside"] as const) {
          seen[name] += result[name];
          if (name !== "outside") expect(result[`${name}Alarms`]).toHaveLength(result[name]);
        }
      }),
      { numRuns: 500 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  }, 120_000);
});
