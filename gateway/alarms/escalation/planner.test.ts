import { describe, expect, test } from "vitest";
import { shortPolicy } from "../../../tests/support/push-bench.ts";
import { type Alarm, alarmSchema, priorityOf } from "../../domain/alarm.ts";
import type { Telling } from "../../ports/logs.ts";
import { type Moment, type Plan, plan } from "./planner.ts";
import type { EscalationPolicy } from "./policy.ts";

// A Tuesday, 20:00 in Shanghai.
const start = Date.parse("2026-11-24T12:00:00.000Z");
const at = (ms: number): Moment => ({ now: start + ms, wall: start + ms });
const li = { name: "li", via: "console" } as const;

function alarm(change: Partial<Alarm> = {}): Alarm {
  const severity = change.severity ?? "major";
  const certainty = change.certainty ?? "observed";
  const time = new Date(start).toISOString();
  return alarmSchema.parse({
    ...{ id: "alarm-0001", rule: "fire", subject: "ext-1", zoneId: "b3", severity, certainty },
    ...{ priority: priorityOf(severity, certainty), state: "active-unacknowledged", active: true, acknowledged: false },
    ...{ latched: false, raisedAt: time, updatedAt: time, count: 1, revision: 1, causes: [], evidence: [] },
    explanation: { zh: "甲", en: "a" },
    ...change,
  });
}

const said = ({ due }: Plan): string[] => due.map(({ tier, why }) => `${tier} ${why}`);
const planned = (seen: Partial<Alarm>, telling?: Telling, ms = 0, policy: EscalationPolicy = shortPolicy): Plan =>
  plan(alarm(seen), telling, policy, at(ms));

describe("what is due of an alarm", () => {
  test("is the first tier at once, the second in time, then the city; each is told when to look again", () => {
    const first = planned({});
    expect(said(first)).toEqual(["1 raised"]);
    expect(first.lookAgainAt).toBe(start + 30_000);
    expect(said(planned({}, first.telling, 29_999))).toEqual([]);
    const second = planned({}, first.telling, 30_000);
    expect(said(second)).toEqual(["2 unanswered"]);
    const third = planned({}, second.telling, 61_000);
    expect(said(third)).toEqual(["3 unanswered"]);
    expect(third).not.toHaveProperty("lookAgainAt");
    expect(said(planned({}, third.telling, 1e9))).toEqual([]);
  });

  test("is all that was missed while nobody ran, once", () => {
    const late = planned({}, planned({}).telling, 3_600_000);
    expect(said(late)).toEqual(["2 unanswered", "3 unanswered"]);
    expect(late.due.map(({ number }) => number)).toEqual([2, 3]);
  });

  test("is sooner the second tier for a critical alarm, and the first again until somebody acknowledges", () => {
    const first = planned({ severity: "critical" });
    const again = planned({ severity: "critical" }, first.telling, 12_000);
    expect(said(again)).toEqual(["1 repeated"]);
    expect(said(planned({ severity: "critical" }, again.telling, 20_000))).toEqual(["2 unanswered"]);
    const known = { severity: "critical", acknowledged: true, acknowledgedBy: li } as const;
    expect(said(planned(known, again.telling, 100_000))).toEqual([]);
    expect(said(plan(alarm({ severity: "critical" }), again.telling, shortPolicy, at(24_000), true))).not.toContain(
      "1 repeated",
    );
  });

  test("is nothing of one that is closed, put aside or in maintenance; its timers go on", () => {
    const first = planned({});
    const hold = { kind: "suppressed", by: li, reason: "welding", since: new Date(start).toISOString() } as const;
    expect(planned({ hold, state: "suppressed" })).toMatchObject({ due: [] });
    expect(said(planned({ hold, state: "suppressed" }, first.telling, 40_000))).toEqual([]);
    expect(said(planned({ state: "closed", active: false }, first.telling, 40_000))).toEqual([]);
    expect(said(planned({}, first.telling, 41_000))).toEqual(["2 unanswered"]);
  });

  test("is the first tier once more when it got graver or surer, also for who acknowledged it", () => {
    const first = planned({ certainty: "possible" });
    const surer = planned({ certainty: "likely" }, first.telling, 1000);
    expect(said(surer)).toEqual(["1 graver"]);
    expect(said(planned({ certainty: "likely" }, surer.telling, 2000))).toEqual([]);
    expect(said(planned({ severity: "critical", acknowledged: true }, surer.telling, 3000))).toEqual(["1 graver"]);
  });

  test("begins anew from the first tier when it comes back after it had gone", () => {
    const second = planned({}, planned({}).telling, 30_000);
    const gone = planned({ active: false }, second.telling, 31_000);
    const back = planned({}, gone.telling, 50_000);
    expect(said(back)).toEqual(["1 came-back"]);
    expect(back.lookAgainAt).toBe(start + 80_000);
    expect(back.telling).toMatchObject({ round: 2, since: start + 50_000 });
    const unnoticed = planned({}, planned({ acknowledged: true }, second.telling, 31_000).telling, 50_000);
    expect(said(unnoticed)).toEqual(["1 came-back"]);
  });

  test("is the next tier at once where no channel reached anybody, also beyond the last that time alone reaches", () => {
    const first = planned({ severity: "warning" });
    expect(first).not.toHaveProperty("lookAgainAt");
    const failed = planned({ severity: "warning" }, { ...first.telling, failed: 1 }, 1000);
    expect(said(failed)).toEqual(["2 undelivered"]);
    expect(said(planned({ severity: "warning" }, { ...failed.telling, failed: 2 }, 2000))).toEqual(["3 undelivered"]);
    const known = { severity: "warning", acknowledged: true } as const;
    expect(said(planned(known, { ...first.telling, failed: 1 }, 1000))).toEqual([]);
  });

  test("goes to the city though somebody acknowledged, where the tier asks for its end", () => {
    const strict: EscalationPolicy = {
      ...shortPolicy,
      tiers: { ...shortPolicy.tiers, 3: { to: [], channels: [], after: 60_000, unless: "closed" } },
    };
    const known = planned({ acknowledged: true }, planned({}).telling, 60_000, strict);
    expect(said(known)).toEqual(["3 unanswered"]);
  });

  test("waits for working hours, looks at each minute, and is told when they begin", () => {
    const hours = { days: ["wed"], from: 480, to: 1080 } as const;
    const office: EscalationPolicy = {
      ...shortPolicy,
      bySeverity: { ...shortPolicy.bySeverity, warning: { upTo: 1, after: {}, hours } },
    };
    const evening = plan(alarm({ severity: "warning" }), undefined, office, at(20_000));
    expect(evening).toMatchObject({ due: [], lookAgainAt: start + 60_000 });
    const morning = plan(alarm({ severity: "warning" }), evening.telling, office, at(12 * 3_600_000));
    expect(said(morning)).toEqual(["1 raised"]);
    // The clock on the wall was put forward; log time has hardly moved.
    const jumped = { now: start + 21_000, wall: start + 12 * 3_600_000 };
    expect(said(plan(alarm({ severity: "warning" }), evening.telling, office, jumped))).toEqual(["1 raised"]);
    // Nobody knows what time it is: it is told.
    expect(said(plan(alarm({ severity: "warning" }), undefined, office, { now: start }))).toEqual(["1 raised"]);
  });
});
