import { describe, expect, test } from "vitest";
import type { EscalationPolicy, Group, Hours, Weekday } from "./policy.ts";
import { onDuty, within } from "./roster.ts";

const shanghai = "Asia/Shanghai";
const week: readonly Weekday[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const h = (hours: number, minutes = 0): number => hours * 60 + minutes;
const night = (days: readonly Weekday[]): Hours => ({ days, from: h(22), to: h(6) });

describe("hours of the week", () => {
  // 2026-11-27 is a Friday.
  test.each([
    ["Friday 21:59", "2026-11-27T21:59:59+08:00", false],
    ["Friday 22:00", "2026-11-27T22:00:00+08:00", true],
    ["Saturday 05:59", "2026-11-28T05:59:59+08:00", true],
    ["Saturday 06:00", "2026-11-28T06:00:00+08:00", false],
    ["Saturday 22:30", "2026-11-28T22:30:00+08:00", false],
    ["Friday 05:00, which is Thursday's night", "2026-11-27T05:00:00+08:00", false],
  ])("a night shift of Friday and %s", (_what, at, expected) => {
    expect(within(night(["fri"]), Date.parse(at), shanghai)).toBe(expected);
  });

  test("a Sunday night goes on into Monday, over the end of the week", () => {
    expect(within(night(["sun"]), Date.parse("2026-11-30T03:00:00+08:00"), shanghai)).toBe(true);
  });

  test("from a time to the same time is a whole day, and 24:00 is its end", () => {
    const watch: Hours = { days: ["mon"], from: h(8), to: h(8) };
    expect(within(watch, Date.parse("2026-12-01T07:59:00+08:00"), shanghai)).toBe(true);
    expect(within(watch, Date.parse("2026-12-01T08:00:00+08:00"), shanghai)).toBe(false);
    const monday: Hours = { days: ["mon"], from: 0, to: h(24) };
    expect(within(monday, Date.parse("2026-11-30T23:59:59+08:00"), shanghai)).toBe(true);
    expect(within(monday, Date.parse("2026-12-01T00:00:00+08:00"), shanghai)).toBe(false);
  });

  const lengthOf = (hours: Hours, from: string, zone: string): number =>
    Array.from({ length: 24 * 60 }, (_, i) => Date.parse(from) + i * 60_000).filter((at) => within(hours, at, zone))
      .length / 60;

  test("where the clock is put forward the night is an hour shorter, where it is put back an hour longer", () => {
    // Berlin: 2026-03-29 02:00 → 03:00, 2026-10-25 03:00 → 02:00.
    const berlin = "Europe/Berlin";
    expect(lengthOf(night(["sat"]), "2026-03-28T12:00:00+01:00", berlin)).toBe(7);
    expect(lengthOf(night(["sat"]), "2026-10-24T12:00:00+02:00", berlin)).toBe(9);
    expect(lengthOf(night(["sat"]), "2026-11-07T12:00:00+01:00", berlin)).toBe(8);
  });

  test("a shift that begins in the hour that is left out begins when that hour is over", () => {
    const early: Hours = { days: ["sun"], from: h(2, 30), to: h(6) };
    expect(within(early, Date.parse("2026-03-29T00:59:00Z"), "Europe/Berlin")).toBe(false);
    expect(within(early, Date.parse("2026-03-29T01:00:00Z"), "Europe/Berlin")).toBe(true);
  });
});

describe("who is on duty", () => {
  const person = (id: string) => ({ id, name: id });
  const policy = (groups: readonly Group[]): EscalationPolicy => ({
    people: ["an", "bo", "cui"].map(person),
    groups,
    tiers: { 1: { to: [], channels: [], after: 0, unless: "acknowledged" } },
    bySeverity: {
      critical: { upTo: 3, after: {} },
      major: { upTo: 3, after: {} },
      minor: { upTo: 2, after: {} },
      warning: { upTo: 1, after: {} },
    },
    coolDown: 0,
    timeZone: shanghai,
  });
  const names = (groups: readonly Group[], at: string | undefined): readonly string[] =>
    onDuty(policy(groups), ["duty"], at === undefined ? undefined : Date.parse(at)).map(({ id }) => id);
  const roster: Group = {
    id: "duty",
    members: ["an", "bo", "cui"],
    shifts: [
      { days: week, from: h(8), to: h(20), members: ["an"] },
      { days: ["mon"], from: h(20), to: h(8), members: ["bo", "an"] },
      { days: ["tue"], from: h(20), to: h(8), members: [] },
    ],
  };

  test("is everybody of a group without shifts", () => {
    expect(names([{ id: "duty", members: ["bo", "cui"] }], "2026-11-24T12:00:00Z")).toEqual(["bo", "cui"]);
  });

  test("is the shift's, also after midnight", () => {
    expect(names([roster], "2026-11-24T12:00:00+08:00")).toEqual(["an"]);
    expect(names([roster], "2026-11-24T03:00:00+08:00")).toEqual(["an", "bo"]);
  });

  test("is everybody where a shift has nobody, where no shift is, and where the clock is known to be wrong", () => {
    expect(names([roster], "2026-11-24T21:00:00+08:00")).toEqual(["an", "bo", "cui"]);
    expect(names([roster], "2026-11-26T21:00:00+08:00")).toEqual(["an", "bo", "cui"]);
    expect(names([roster], undefined)).toEqual(["an", "bo", "cui"]);
  });
});
