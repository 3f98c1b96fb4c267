import { expect, test } from "vitest";
import { believedTime, type DeviceClock, judgeClock, judgeRecord } from "./device-clock.ts";

const now = Date.parse("2026-11-24T00:00:00Z");
const hour = 3_600_000;
const unknown: DeviceClock = { state: "unknown" };
const wrong: DeviceClock = { state: "wrong" };
const right = (skewMs: number): DeviceClock => ({ state: "right", skewMs });

test("a clock that becomes wrong is reported once, and once when it is right again", () => {
  const first = judgeClock(unknown, 0, now);
  expect(first.fault?.body).toMatchObject({ code: "clock-wrong", active: true });
  const second = judgeClock(first.clock, 1000, now);
  expect(second).toEqual({ clock: { state: "wrong" } });
  const third = judgeClock(second.clock, now + 2000, now);
  expect(third.clock).toEqual(right(2000));
  expect(third.fault?.body).toEqual({ code: "clock-wrong", active: false });
  expect(judgeClock(third.clock, now, now).fault).toBeUndefined();
});

test("a clock that is right from the first is no news", () => {
  expect(judgeClock(unknown, now - 7000, now)).toEqual({ clock: right(-7000) });
});

test("a time that is no date is a wrong clock; a missing one proves nothing", () => {
  expect(judgeClock(unknown, "unreadable", now).clock).toEqual(wrong);
  expect(judgeClock(right(0), undefined, now)).toEqual({ clock: right(0) });
});

test("while our own clock is known to be wrong no device is judged by it", () => {
  expect(judgeClock(unknown, now, undefined)).toEqual({ clock: unknown });
  expect(believedTime(unknown, now, "live", undefined)).toBe(now);
  expect(believedTime(unknown, 0, "live", undefined)).toBeUndefined();
});

test("a snapshot that says nothing of its delivery is late only where a measured clock proves its age", () => {
  expect(judgeRecord(right(0), undefined, now - hour, now).delivery).toBe("late");
  expect(judgeRecord(right(-hour), undefined, now - hour, now).delivery).toBe("live");
  expect(judgeRecord(unknown, undefined, now - hour, now).delivery).toBe("live");
  expect(judgeRecord(right(0), undefined, undefined, now).delivery).toBe("live");
});

test("a record of which nothing is said speaks against an unknown clock, but not against one that was measured", () => {
  expect(judgeRecord(unknown, undefined, now - 48 * hour, now).fault).toBeDefined();
  expect(judgeRecord(right(0), undefined, now - 48 * hour, now)).toEqual({ clock: right(0), delivery: "late" });
  expect(judgeRecord(wrong, undefined, now, now).clock).toEqual(wrong);
});

test("what the device says of its delivery stands, whatever its clock", () => {
  expect(judgeRecord(right(0), "late", now, now)).toEqual({ clock: right(0), delivery: "late" });
  expect(judgeRecord(right(0), "manual", 0, now)).toEqual({ clock: right(0), delivery: "manual" });
  expect(judgeRecord(right(0), "live", 0, now)).toMatchObject({ clock: wrong, delivery: "live" });
});

test("a record buffered for three days keeps its time while the clock is right, and loses it while it is wrong", () => {
  expect(believedTime(right(0), now - 72 * hour, "late", now)).toBe(now - 72 * hour);
  expect(believedTime(wrong, now - 72 * hour, "late", now)).toBeUndefined();
  expect(believedTime(right(0), now - 72 * hour, "live", now)).toBeUndefined();
});

test("a time in the future or before there were such devices is not believed", () => {
  expect(believedTime(right(0), now + 25 * hour, "late", now)).toBeUndefined();
  expect(believedTime(right(0), Date.parse("2000-01-01T00:00:00Z"), "late", now)).toBeUndefined();
});
