import type { Delivery } from "../../gateway/domain/observation.ts";
import type { Clock } from "../../gateway/ports/clock.ts";

/** Beyond these a device's clock is not believed, and the time of receipt has to do. */
const aheadMs = 60_000;
const behindMs = 86_400_000;
/** What a device kept while it was cut off it sends at once when it is back: later on nothing is old. */
const settlingMs = 60_000;

export interface JudgedTime {
  /** Absent where the device gave no time that can be believed. */
  readonly occurredAtMs?: number;
  readonly delivery: Exclude<Delivery, "manual">;
  /** Device minus ours, where this message shows it. */
  readonly clockSkewMs?: number;
}

/**
 * Whether the events of one device are old, and when they happened. The dialects have no mark for what was kept back, and a
 * slow clock must not turn live events into old ones. So an event is `late` only if it comes within a minute of the device's
 * connecting, and its time is older than allowed, less what the device's clock is known to lag.
 */
export class EventClock {
  readonly #clock: Clock;
  readonly #lateAfterMs: number;
  #connectedAt: number;
  #lagMs: number | undefined;

  constructor(clock: Clock, lateAfterMs: number) {
    this.#clock = clock;
    this.#lateAfterMs = lateAfterMs;
    this.#connectedAt = clock.now();
  }

  /** A new connection: what comes now may have been kept. */
  connected(): void {
    this.#connectedAt = this.#clock.now();
  }

  /** Within the minute in which a device tells again what it kept, and what states hold. */
  settling(): boolean {
    return this.#clock.now() - this.#connectedAt < settlingMs;
  }

  /** `state`: the message repeats a state, so that its age tells nothing of the clock. */
  judge(timeMs: number | undefined, state = false): JudgedTime {
    if (timeMs === undefined) return { delivery: "live" };
    if (this.#clock.quality().state === "unsynchronised") return { occurredAtMs: timeMs, delivery: "live" };
    const ageMs = this.#clock.wall() - timeMs;
    const settling = this.settling();
    const credible = ageMs >= -aheadMs && (ageMs <= behindMs || (settling && this.#lagMs !== undefined));
    const skew = state || settling ? {} : { clockSkewMs: -ageMs };
    if (!credible) return { delivery: "live", ...skew };
    if (settling && ageMs - (this.#lagMs ?? 0) > this.#lateAfterMs) return { occurredAtMs: timeMs, delivery: "late" };
    if (!state && !settling) this.#lagMs = Math.max(0, ageMs);
    return { occurredAtMs: timeMs, delivery: "live", ...skew };
  }
}
