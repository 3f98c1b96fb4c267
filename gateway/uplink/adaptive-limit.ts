/** Messages in flight at the start of a connection, before anything is known of the line. */
const atStart = 8;
/** Time in the queues of line and broker, ms: below the first the limit grows, above the second it shrinks. */
const calmMs = 100;
const congestedMs = 300;

/**
 * How many bulk messages may be in flight on this line: as many as keep it busy, no more. What is in flight cannot be
 * overtaken any more, so this bounds how long a live alarm waits behind a backlog: about 0.3 s more than the line's own
 * round trip, whether it carries 60 kbit/s or 60 Mbit/s. The same idea as in TCP Vegas: what an acknowledgement takes
 * longer than the quickest one was spent in a queue.
 */
export class AdaptiveLimit {
  #limit: number;
  #quickest = Number.POSITIVE_INFINITY;
  #holdUntil = Number.NEGATIVE_INFINITY;
  readonly #max: number;

  constructor(max: number) {
    this.#max = Math.max(1, max);
    this.#limit = Math.min(this.#max, atStart);
  }

  get limit(): number {
    return this.#limit;
  }

  /** An acknowledgement came at `now` for what was sent `latency` ms ago, while `inFlight` were under way. */
  acknowledged(now: number, latency: number, inFlight: number): void {
    this.#quickest = Math.min(this.#quickest, latency);
    const queued = latency - this.#quickest;
    if (queued > congestedMs) {
      if (now < this.#holdUntil) return;
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
      // What is under way was sent under the old limit: it says nothing about the new one.
      this.#holdUntil = now + latency;
    } else if (queued < calmMs && inFlight >= this.#limit) {
      this.#limit = Math.min(this.#max, this.#limit + 1);
    }
  }
}
