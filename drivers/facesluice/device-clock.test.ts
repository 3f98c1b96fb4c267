import { expect, test } from "vitest";
import { believedTime, type DeviceClock, judgeClock, judgeRecord, unknownClock } from "./device-clock.ts";

const now = Date.parse("2026-11-24T00:00:00Z");
const hour = 3_600_000;
const wrong: DeviceClock = { state: "wrong", measured: true };
const right = (skewMs: number): DeviceClock => ({ state: "right", measured: true, skewMs });

test("a clock that becomes wrong is reported once, and once when it is right again", () => {
  const first = judgeClock(unknownClock, 0, now);
  expect(first.fault?.body).toMatchObject({ code: "clock-wrong", active: true });
  const second = judgeClock(first.clock, 1000, now);
  expect(second).toEqual({ clock: wrong });
  const third = judgeClock(second.clock, now + 2000, now);
  expect(third.clock).toEqual(right(2000));
  expect(third.fault?.body).toEqual({ code: "clock-wrong", active: false });
  expect(judgeClock(third.clock, now, now).fault).toBeUndefined();
});

test("a clock that is right from the first is no news", () => {
  expect(judgeClock(unknownClock, now - 7000, now)).toEqual({ clock: right(-7000) });
});

test("a time that is no date is a wrong clock; a missing one proves nothing", () => {
  expect(judgeClock(unknownClock, "unreadable", now).clock).toEqual(wrong);
  expect(judgeClock(right(0), undefined, now)).toEqual({ clock: right(0) });
});

test("while our own clock is known to be wrong no device is judged by it", () => {
  expect(judgeClock(unknownClock, now, undefined)).toEqual({ clock: unknownClock });
  expect(judgeRecord(unknownClock, "live", 0, undefined)).toEqual({ clock: unknownClock, delivery: "live" });
  expect(believedTime(unknownClock, now, "live", undefined)).toBe(now);
  expect(believedTime(unknownClock, 0, "live", undefined)).toBeUndefined();
});

test.each(["live", undefined] as const)(
  "a record that is called %s is late where a measured clock proves its age",
  (said) => {
    const delivery = (clock: DeviceClock, time: number, at: number | undefined = now) =>
      judgeRecord(clock, said, time, at).delivery;
    expect(delivery(right(0), now - hour)).toBe("late");
    expect(delivery(right(-hour), now - 2 * hour)).toBe("late");
    expect(delivery(right(-hour), now - hour)).toBe("live");
    expect(delivery(unknownClock, now - hour)).toBe("live");
  },
);

test("a clock that was set back a moment ago makes no live record old", () => {
  expect(judgeRecord(right(hour), "live", now, now).delivery).toBe("live");
});

test("an old record is no proof against a clock that was measured, and keeps its time", () => {
  const judged = judgeRecord(right(0), "live", now - 48 * hour, now);
  expect(judged).toEqual({ clock: right(0), delivery: "late" });
  expect(believedTime(judged.clock, now - 48 * hour, judged.delivery, now)).toBe(now - 48 * hour);
  expect(judgeRecord(wrong, "live", now, now).clock).toEqual(wrong);
});

test("where nothing has measured the clock, the records that are called live judge it", () => {
  const first = judgeRecord(unknownClock, "live", 0, now);
  expect(first.fault?.body).toMatchObject({ active: true });
  const second = judgeRecord(first.clock, "live", now, now);
  expect(second.fault?.body).toMatchObject({ active: false });
  expect(judgeRecord(second.clock, "live", "unreadable", now).fault?.body).toMatchObject({ active: true });
});

test("a record of which nothing is said speaks against an unknown clock, but never for one", () => {
  const first = judgeRecord(unknownClock, undefined, now - 48 * hour, now);
  expect(first.fault?.body).toMatchObject({ active: true });
  expect(judgeRecord(first.clock, undefined, now, now)).toEqual({ clock: first.clock, delivery: "live" });
  expect(judgeRecord(unknownClock, undefined, now, now)).toEqual({ clock: unknownClock, delivery: "live" });
});

test("a device that calls a record late or manual is believed, and its clock is not judged by it", () => {
  expect(judgeRecord(right(0), "late", now, now)).toEqual({ clock: right(0), delivery: "late" });
  expect(judgeRecord(unknownClock, "manual", 0, now)).toEqual({ clock: unknownClock, delivery: "manual" });
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
