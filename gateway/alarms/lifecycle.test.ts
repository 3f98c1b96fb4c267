import { describe, expect, test } from "vitest";
import type { Alarm, AlarmSignal } from "../domain/alarm.ts";
import { observationIdSchema, zoneIdSchema } from "../domain/ids.ts";
import {
  acknowledge,
  alarmIdOf,
  close,
  escalate,
  gatewayActor,
  hold,
  raise,
  release,
  returnToNormal,
  update,
} from "./lifecycle.ts";

const id = (text: string) => observationIdSchema.parse(text);
const at = "2026-11-24T00:00:00.000Z";
const later = "2026-11-24T00:01:00.000Z";
const li = { name: "li", via: "console" } as const;
const seen: Extract<AlarmSignal, { type: "raise" }> = {
  type: "raise",
  subject: "gate-1",
  zoneId: zoneIdSchema.parse("b3"),
  openedBy: id("o1"),
  severity: "minor",
  certainty: "likely",
  causes: [id("o1")],
  explanation: { zh: "甲", en: "a" },
};
const gone = { type: "clear", subject: "gate-1" } as const;
const raised = (change: Partial<Alarm> = {}): Alarm => ({ ...raise("r", seen, at).alarm, ...change });
const stepsOf = (list: readonly { transition: { step: string } }[]): string[] => list.map((t) => t.transition.step);

describe("the life of an alarm (ISA-18.2)", () => {
  test("normal → unacknowledged → acknowledged → normal: it closes by itself when it is gone and known", () => {
    const [known] = acknowledge(raised(), li, later);
    expect(known?.alarm.state).toBe("active-acknowledged");
    const end = returnToNormal(known?.alarm ?? raised(), gone, later);
    expect(stepsOf(end)).toEqual(["returned", "closed"]);
    expect(end.at(-1)?.alarm).toMatchObject({ state: "closed", disposition: "true", closedBy: { via: "gateway" } });
  });

  test("unacknowledged → returned unacknowledged → normal: a person has to have known", () => {
    const [back] = returnToNormal(raised(), gone, later);
    expect(back?.alarm.state).toBe("returned-unacknowledged");
    expect(stepsOf(acknowledge(back?.alarm ?? raised(), li, later))).toEqual(["acknowledged", "closed"]);
  });

  test("a condition that comes back after it had gone needs a person's notice anew", () => {
    const [known] = acknowledge(raised(), li, later);
    const back = { ...(known?.alarm ?? raised()), active: false };
    expect(update(back, seen, later).alarm).toMatchObject({ state: "active-unacknowledged", count: 2 });
  });

  test("goes up the tiers one way, each told once with why, until it comes back after it had gone", () => {
    const [second] = escalate(raised(), 2, gatewayActor, later, "nobody acknowledged");
    expect(second?.transition).toMatchObject({ step: "escalated", tier: 2, comment: "nobody acknowledged" });
    const alarm = second?.alarm ?? raised();
    expect(alarm).not.toHaveProperty("comment");
    expect([...escalate(alarm, 2, gatewayActor, later, ""), ...escalate(alarm, 1, gatewayActor, later, "")]).toEqual(
      [],
    );
    expect(update(alarm, seen, later).transition).toMatchObject({ tier: 2 });
    expect(update({ ...alarm, active: false }, seen, later).alarm).not.toHaveProperty("tier");
  });

  test("a latched alarm stays when it has returned and is known, until a person closes it", () => {
    const latched = raised({ latched: true, acknowledged: true });
    const end = returnToNormal(latched, gone, later);
    expect(stepsOf(end)).toEqual(["returned"]);
    expect(close(end[0]?.alarm ?? latched, li, later, "false", "toast").transition).toMatchObject({
      step: "closed",
      disposition: "false",
      comment: "toast",
      by: li,
    });
  });

  test("a second notice and a second return change nothing", () => {
    expect(acknowledge(raised({ acknowledged: true }), li, later)).toEqual([]);
    expect(returnToNormal(raised({ active: false }), gone, later)).toEqual([]);
  });

  test("severity and certainty grow and never shrink while it is open", () => {
    const worse = update(raised(), { ...seen, severity: "critical", certainty: "observed" }, later).alarm;
    expect(worse).toMatchObject({ severity: "critical", certainty: "observed", priority: 1 });
    expect(update(worse, seen, later).alarm).toMatchObject({
      severity: "critical",
      certainty: "observed",
      priority: 1,
    });
  });

  test("the id is the same in every run, and another for another opening", () => {
    expect(alarmIdOf("r", "s", "o1")).toBe(alarmIdOf("r", "s", "o1"));
    expect(alarmIdOf("r", "s", "o1")).not.toBe(alarmIdOf("r", "s", "o2"));
  });

  test("keeps the first and the newest causes when there are too many", () => {
    let alarm = raised();
    for (let i = 2; i <= 100; i++) alarm = update(alarm, { ...seen, causes: [id(`o${i}`)] }, later).alarm;
    expect(alarm.causes).toHaveLength(32);
    expect([alarm.causes[0], alarm.causes.at(-1)]).toEqual(["o1", "o100"]);
    expect(alarm).toMatchObject({ count: 100, revision: 100 });
  });

  const shelf = { kind: "shelved", by: li, reason: "a bird nests there", since: later, until: later } as const;

  test("is put aside with its reason, is followed there, and comes back as it is then", () => {
    const shelved = hold(raised(), shelf);
    expect(shelved.transition).toMatchObject({
      step: "shelved",
      state: "shelved",
      by: li,
      hold: { reason: "a bird nests there" },
    });
    const [gone2] = returnToNormal(shelved.alarm, gone, later);
    expect(gone2?.alarm).toMatchObject({ state: "shelved", active: false });
    const [back] = release(gone2?.alarm ?? raised(), li, later);
    expect(back?.alarm.state).toBe("returned-unacknowledged");
    expect(back?.alarm.hold).toBeUndefined();
    expect(release(back?.alarm ?? raised(), li, later)).toEqual([]);
  });

  test("comes back from the shelf by itself when it gets graver or surer, and only then", () => {
    const { alarm } = hold(raised(), shelf);
    expect(update(alarm, seen, later).alarm.state).toBe("shelved");
    expect(update(alarm, { ...seen, certainty: "observed" }, later).alarm.state).toBe("active-unacknowledged");
    expect(update(alarm, { ...seen, severity: "critical" }, later).alarm.hold).toBeUndefined();
    const outOfService = hold(alarm, { ...shelf, kind: "out-of-service" });
    expect(outOfService.transition).toMatchObject({ step: "suppressed", state: "out-of-service" });
    expect(update(outOfService.alarm, { ...seen, severity: "critical" }, later).alarm.state).toBe("out-of-service");
  });

  test("is closed from the shelf like any other", () => {
    const { alarm } = hold(raised(), shelf);
    expect(close(alarm, li, later, "false").alarm).toMatchObject({ state: "closed" });
    expect(close(alarm, li, later, "false").alarm.hold).toBeUndefined();
    const known = acknowledge(alarm, li, later).at(-1)?.alarm ?? alarm;
    expect(known.state).toBe("shelved");
    expect(stepsOf(returnToNormal(known, gone, later))).toEqual(["returned", "closed"]);
  });
});
