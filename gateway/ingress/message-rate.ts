import type { Clock } from "../ports/clock.ts";

const minuteMs = 60_000;
const minutes = 5;

/** How much came lately, by the monotonic clock: whole minutes are counted, and the oldest is given up for the next. */
export class MessageRate {
  readonly #clock: Clock;
  readonly #counts = new Array<number>(minutes + 1).fill(0);
  readonly #since: number;
  #minute: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#minute = Math.floor(this.#since / minuteMs);
  }

  add(count: number): void {
    this.#turn();
    const slot = this.#minute % this.#counts.length;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  /** A minute, on the average of the last five, or of the time since the start where that is shorter (but one at least). */
  perMinute(): number {
    this.#turn();
    const now = this.#clock.now();
    const windowMs = now - (this.#minute - minutes) * minuteMs;
    const measuredMs = Math.max(minuteMs, Math.min(windowMs, now - this.#since));
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return Math.round((sum / measuredMs) * minuteMs * 10) / 10;
  }

  #turn(): void {
    const minute = Math.floor(this.#clock.now() / minuteMs);
    const passed = Math.min(minute - this.#minute, this.#counts.length);
    for (let step = 1; step <= passed; step += 1) this.#counts[(this.#minute + step) % this.#counts.length] = 0;
    this.#minute = Math.max(this.#minute, minute);
  }
}
