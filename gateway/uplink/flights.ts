import type { Clock } from "../ports/clock.ts";

interface Flight<T> {
  readonly sentAt: number;
  readonly settle: (value: T) => void;
}

/** What was sent and is not acknowledged, with one timer for all of it. Each settles exactly once. */
export class Flights<T> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onTimeout: (underWay: number) => void;
  readonly #flights = new Map<number, Flight<T>>();
  #next = 0;
  #cancel: (() => void) | undefined;
  #ended = false;

  /** `onTimeout` is called when the oldest has been under way for `timeoutMs`. */
  constructor(clock: Clock, timeoutMs: number, onTimeout: (underWay: number) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
  }

  /** Takes off; the result lands it, and counts for nothing when it has landed already. */
  takeOff(settle: (value: T) => void): (value: T) => void {
    const id = this.#next++;
    this.#flights.set(id, { sentAt: this.#clock.now(), settle });
    if (this.#cancel === undefined) this.#watch();
    return (value) => {
      if (this.#flights.delete(id)) settle(value);
    };
  }

  /** Lands all that is under way, and watches no more. */
  end(value: T): void {
    this.#ended = true;
    this.#cancel?.();
    const flights = [...this.#flights.values()];
    this.#flights.clear();
    for (const flight of flights) flight.settle(value);
  }

  #watch(): void {
    this.#cancel = this.#clock.after(Math.max(1, Math.min(1000, this.#timeoutMs / 4)), () => {
      this.#cancel = undefined;
      if (this.#flights.size === 0) return;
      if (!this.#overdue()) {
        this.#watch();
        return;
      }
      // After a stall of our own the acknowledgement may lie in the socket: let it be read first.
      setImmediate(() => {
        if (this.#ended) return;
        if (this.#overdue()) this.#onTimeout(this.#flights.size);
        else if (this.#cancel === undefined && this.#flights.size > 0) this.#watch();
      });
    });
  }

  /** The oldest is the first in the map. */
  #overdue(): boolean {
    const [oldest] = this.#flights.values();
    return oldest !== undefined && this.#clock.now() - oldest.sentAt >= this.#timeoutMs;
  }
}
