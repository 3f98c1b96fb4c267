/** A share of the budget; `release` gives it back, once, also while it still waits. */
export interface BodyLease {
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly granted: () => void;
  state: "waiting" | "held" | "released";
}

/** Bounds what all half-received large packets may hold together. First come, first served; nobody is refused. */
export class BodyBudget {
  readonly #capacity: number;
  readonly #waiting = new Set<Waiter>();
  #held = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Calls `granted` at once or when there is room. One that is larger than the whole budget gets it alone. */
  acquire(bytes: number, granted: () => void): BodyLease {
    const waiter: Waiter = { bytes, granted, state: "waiting" };
    this.#waiting.add(waiter);
    this.#serve();
    return { release: () => this.#release(waiter) };
  }

  #release(waiter: Waiter): void {
    if (waiter.state === "waiting") this.#waiting.delete(waiter);
    if (waiter.state === "held") this.#held -= waiter.bytes;
    waiter.state = "released";
    this.#serve();
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (this.#held > 0 && this.#held + waiter.bytes > this.#capacity) return;
      this.#waiting.delete(waiter);
      this.#held += waiter.bytes;
      waiter.state = "held";
      waiter.granted();
    }
  }
}
