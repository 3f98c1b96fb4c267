import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";

/** A time as the device wrote it: epoch ms, text that is no date, or no such field. */
export type DeviceTime = number | "unreadable" | undefined;

/**
 * What is known of a device's clock. Only messages that speak of now are evidence: heartbeats, Online, and records that the
 * device itself marks as sent in time. The time of a buffered record says nothing of the clock today.
 */
export interface DeviceClock {
  readonly state: "unknown" | "right" | "wrong";
  /** Device minus ours, ms, from the newest heartbeat or Online. */
  readonly skewMs?: number;
}

/** Further off than this, a device's clock is not believed. */
const believedWithinMs = 86_400_000;
/** Nothing that speaks the dialect is older: an earlier date is a clock that was reset (1970, 2000, 2010). */
const floorMs = Date.UTC(2015, 0, 1);
/** A record without `Sendintime` whose age, by a clock that we have measured, exceeds this was buffered. */
const bufferedAfterMs = 5 * 60_000;

export interface Judgement {
  readonly clock: DeviceClock;
  /** Once when the clock becomes wrong, and once when it is right again. */
  readonly fault?: ObservationDraft;
}

/**
 * The clock after a message that speaks of now. `nowMs` is undefined while our own clock is known to be wrong: then nothing
 * is judged.
 */
export function judgeClock(clock: DeviceClock, time: DeviceTime, nowMs: number | undefined): Judgement {
  if (time === undefined || nowMs === undefined) return { clock };
  if (time === "unreadable") return turnWrong(clock, "the device sends a time that is no date");
  const skewMs = time - nowMs;
  if (Math.abs(skewMs) > believedWithinMs) {
    return turnWrong(clock, `the device's clock is ${(skewMs / believedWithinMs).toFixed(1)} days off`);
  }
  const right: DeviceClock = { state: "right", skewMs };
  return clock.state === "wrong" ? { clock: right, fault: fault(false) } : { clock: right };
}

function turnWrong(clock: DeviceClock, detail: string): Judgement {
  const wrong: DeviceClock = { state: "wrong" };
  return clock.state === "wrong" ? { clock: wrong } : { clock: wrong, fault: fault(true, detail) };
}

function fault(active: boolean, detail?: string): ObservationDraft {
  const body = { code: "clock-wrong", active };
  return { kind: "device.fault", body: detail === undefined ? body : { ...body, detail } };
}

/** How a record reached us where the device does not say: live, unless a clock that we have measured proves its age. */
function deliveryByAge(clock: DeviceClock, time: DeviceTime, nowMs: number | undefined): Delivery {
  if (clock.skewMs === undefined || nowMs === undefined || typeof time !== "number") return "live";
  return nowMs + clock.skewMs - time > bufferedAfterMs ? "late" : "live";
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

export interface JudgedRecord extends Judgement {
  readonly delivery: Delivery;
}

/**
 * How a record reached us, and what it says of the clock. `said` is what the device says of its delivery. A record that is
 * called live is evidence; one of which nothing is said is evidence only against a clock of which nothing is known yet.
 */
export function judgeRecord(
  clock: DeviceClock,
  said: Delivery | undefined,
  time: DeviceTime,
  nowMs: number | undefined,
): JudgedRecord {
  if (said === "live") return { ...judgeClock(clock, time, nowMs), delivery: said };
  if (said !== undefined) return { clock, delivery: said };
  const delivery = deliveryByAge(clock, time, nowMs);
  const judged = judgeClock(clock, time, nowMs);
  return clock.state === "unknown" && judged.clock.state === "wrong" ? { ...judged, delivery } : { clock, delivery };
}
