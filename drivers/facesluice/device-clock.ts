import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";

/** A time as the device wrote it: epoch ms, text that is no date, or no such field. */
export type DeviceTime = number | "unreadable" | undefined;

/** What is known of a device's clock. */
export interface DeviceClock {
  readonly state: "unknown" | "right" | "wrong";
  /** A HeartBeat or Online has shown it: from then on records are no evidence any more, since they may be old. */
  readonly measured: boolean;
  /** Device minus ours, ms, where it was measured and is right. */
  readonly skewMs?: number;
}

export const unknownClock: DeviceClock = { state: "unknown", measured: false };

/** Further off than this, a device's clock is not believed. */
const believedWithinMs = 86_400_000;
/** Nothing that speaks the dialect is older: an earlier date is a clock that was reset (1970, 2000, 2010). */
const floorMs = Date.UTC(2015, 0, 1);
/** A record of which a measured clock proves a greater age was buffered. */
const bufferedAfterMs = 5 * 60_000;

export interface Judgement {
  readonly clock: DeviceClock;
  /** Once when the clock becomes wrong, and once when it is right again. */
  readonly fault?: ObservationDraft;
}

/**
 * The clock after a HeartBeat or Online, which say what it reads now. `nowMs` is undefined while our own clock is known to be
 * wrong: then nothing is judged.
 */
export function judgeClock(clock: DeviceClock, time: DeviceTime, nowMs: number | undefined): Judgement {
  if (time === undefined || nowMs === undefined) return { clock };
  const { clock: judged, fault } = turn(clock, time, nowMs);
  const skew = judged.state === "right" && time !== "unreadable" ? { skewMs: time - nowMs } : {};
  return { clock: { ...judged, measured: true, ...skew }, ...(fault === undefined ? {} : { fault }) };
}

export interface JudgedRecord extends Judgement {
  readonly delivery: Delivery;
}

/**
 * How a record reached us, and what it says of a clock that nothing has measured yet. `said` is what the device says of its
 * delivery; it stands, but for a record that is called live (or nothing) and is old by a measured clock: many devices send
 * the very same bytes again after an outage.
 */
export function judgeRecord(
  clock: DeviceClock,
  said: Delivery | undefined,
  time: DeviceTime,
  nowMs: number | undefined,
): JudgedRecord {
  if (said === "late" || said === "manual") return { clock, delivery: said };
  const delivery = provenOld(clock, time, nowMs) ? "late" : "live";
  if (clock.measured || time === undefined || nowMs === undefined) return { clock, delivery };
  const judged = turn(clock, time, nowMs);
  // What says nothing of its delivery may be old: it speaks against an unknown clock, but never for one.
  if (said === undefined && (clock.state !== "unknown" || judged.clock.state === "right")) return { clock, delivery };
  return { ...judged, delivery };
}

/** The device's time of a record where it can be believed; where not, the time of receipt has to do. */
export function believedTime(
  clock: DeviceClock,
  time: DeviceTime,
  delivery: Delivery,
  nowMs: number | undefined,
): number | undefined {
  if (typeof time !== "number" || time < floorMs) return undefined;
  if (nowMs === undefined) return time;
  if (time - nowMs > believedWithinMs) return undefined;
  if (delivery === "live") return nowMs - time > believedWithinMs ? undefined : time;
  return clock.state === "wrong" ? undefined : time;
}

/** By its own clock and by ours, so that a clock which was set a moment ago makes no live record old. */
function provenOld({ skewMs }: DeviceClock, time: DeviceTime, nowMs: number | undefined): boolean {
  if (skewMs === undefined || nowMs === undefined || typeof time !== "number") return false;
  return nowMs - time + Math.min(0, skewMs) > bufferedAfterMs;
}

function turn(clock: DeviceClock, time: number | "unreadable", nowMs: number): Judgement {
  const { measured } = clock;
  if (time !== "unreadable" && Math.abs(time - nowMs) <= believedWithinMs) {
    const right: DeviceClock = { state: "right", measured };
    return clock.state === "wrong" ? { clock: right, fault: fault(false) } : { clock: right };
  }
  const wrong: DeviceClock = { state: "wrong", measured };
  if (clock.state === "wrong") return { clock: wrong };
  const days = time === "unreadable" ? undefined : ((time - nowMs) / 86_400_000).toFixed(1);
  const detail =
    days === undefined ? "the device sends a time that is no date" : `the device's clock is ${days} days off`;
  return { clock: wrong, fault: fault(true, detail) };
}

function fault(active: boolean, detail?: string): ObservationDraft {
  const body = { code: "clock-wrong", active };
  return { kind: "device.fault", body: detail === undefined ? body : { ...body, detail } };
}
