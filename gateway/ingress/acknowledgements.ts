import type { Clock } from "../ports/clock.ts";

/** Why a message was not acknowledged: its promise rejected, or did not settle in time. */
export type Withheld = { readonly why: "rejected"; readonly error: unknown } | { readonly why: "timeout" };

export interface AcknowledgementsOptions {
  readonly clock: Clock;
  readonly handleWithinMs: number;
  readonly windowMessages: number;
  readonly windowBytes: number;
  /** The window is full (`true`) or has room again. */
  readonly onFull: (full: boolean) => void;
  /** A message will never be acknowledged. Called once; nothing is released after it. */
  readonly onWithheld: (withheld: Withheld) => void;
}

interface Entry {
  readonly release: () => void;
  readonly bytes: number;
  readonly since: number;
  settled: boolean;
}

/**
 * The messages of one connection that wait for their commit. Each is released when its promise has resolved and all
 * that came before it are released: acknowledgements leave in the order of arrival (MQTT 3.1.1 §4.6), and one that
 * fails stops all behind it, since the device will send them again in order.
 */
export class Acknowledgements {
  readonly #options: AcknowledgementsOptions;
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #full = false;
  #over = false;
  #cancelTimer: (() => void) | undefined;
  readonly #idle: (() => void)[] = [];

  constructor(options: AcknowledgementsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#entries.length - this.#head;
  }

  hold(outcome: Promise<void>, bytes: number, release: () => void): void {
    const entry: Entry = { release, bytes, since: this.#options.clock.now(), settled: false };
    if (this.#over) return void outcome.catch(() => {});
    this.#entries.push(entry);
    this.#bytes += bytes;
    outcome.then(
      () => {
        entry.settled = true;
        this.#drain();
      },
      (error: unknown) => this.#withhold({ why: "rejected", error }),
    );
    this.#cancelTimer ??= this.#watch(this.#options.handleWithinMs);
    const { windowMessages, windowBytes } = this.#options;
    if (!this.#full && (this.waiting >= windowMessages || this.#bytes >= windowBytes)) {
      this.#full = true;
      this.#options.onFull(true);
    }
  }

  /** The connection is gone: nothing is released any more. */
  abandon(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#entries = [];
    this.#head = 0;
    for (const done of this.#idle.splice(0)) done();
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #drain(): void {
    for (;;) {
      const entry = this.#entries[this.#head];
      if (this.#over || entry === undefined || !entry.settled) break;
      this.#head += 1;
      this.#bytes -= entry.bytes;
      entry.release();
    }
    if (this.#head === this.#entries.length || this.#head > 1024) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    const { windowMessages, windowBytes } = this.#options;
    if (this.#full && this.waiting <= windowMessages / 2 && this.#bytes <= windowBytes / 2) {
      this.#full = false;
      this.#options.onFull(false);
    }
    if (this.waiting === 0) for (const done of this.#idle.splice(0)) done();
  }

  #withhold(withheld: Withheld): void {
    if (this.#over) return;
    this.abandon();
    this.#options.onWithheld(withheld);
  }

  /** One timer a connection: it looks at the oldest entry, and sleeps again for what that one has left. */
  #watch(ms: number): () => void {
    return this.#options.clock.after(ms, () => {
      this.#cancelTimer = undefined;
      const oldest = this.#entries[this.#head];
      if (oldest === undefined) return;
      const left = oldest.since + this.#options.handleWithinMs - this.#options.clock.now();
      if (left <= 0) this.#withhold({ why: "timeout" });
      else this.#cancelTimer = this.#watch(left);
    });
  }
}
