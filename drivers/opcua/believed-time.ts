/** The server's clock is off by no more than this, and its times are taken as they are. */
const rightWithinMs = 2000;
/** A state may have begun long ago; a time before that is a clock that was reset. */
const oldestMs = 30 * 86_400_000;
/** Further off, the server's clock is a fault of its own. */
const wrongBeyondMs = 86_400_000;

export interface ServerClock {
  /** Server minus ours, ms; absent until it was measured, or while our own clock is known to be wrong. */
  readonly skewMs?: number;
  /** Our wall clock, epoch ms; absent while it is known to be wrong. */
  readonly nowMs?: number;
}

/**
 * When something happened, by our clock: the server's time less what its clock is off. Absent where that cannot be believed,
 * and the time of receipt has to do.
 */
export function believedTime(timeMs: number | undefined, { skewMs, nowMs }: ServerClock): number | undefined {
  if (timeMs === undefined || nowMs === undefined) return undefined;
  const corrected = skewMs === undefined || Math.abs(skewMs) <= rightWithinMs ? timeMs : timeMs - skewMs;
  if (corrected > nowMs + rightWithinMs || corrected < nowMs - oldestMs) return undefined;
  return Math.min(corrected, nowMs);
}

/** What is wrong with the server's clock; "" where it will do. */
export function clockTrouble(skewMs: number): string {
  if (Math.abs(skewMs) <= wrongBeyondMs) return "";
  return `the server's clock is ${(skewMs / 86_400_000).toFixed(1)} days off`;
}
