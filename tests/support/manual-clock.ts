import type { Clock, ClockQuality } from "../../gateway/ports/clock.ts";

/** Time that moves only when told to; timers run in the order of their deadlines. */
export class ManualClock implements Clock {
  #now: number;
  #steps = 0;
  #next = 0;
  readonly #timers = new Map<number, { at: number; call: () => void }>();
  state: ClockQuality["state"] = "synchronised";

  constructor(now = Date.parse("2026-11-24T00:00:00.000Z")) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now + this.#steps;
  }

  quality(): ClockQuality {
    return { state: this.state, steppedMs: this.#steps };
  }

  /** The wall clock jumps; log time does not. */
  step(ms: number): void {
    this.#steps += ms;
  }

  /** Moves to a moment without running the timers that would be due before it. */
  jump(to: number): void {
    this.#now = to;
  }

  after(ms: number, call: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, call });
    return () => this.#timers.delete(id);
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].call();
    }
    this.#now = end;
  }
}
