import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { Clock } from "../../gateway/ports/clock.ts";

/** Kept while the log refuses. */
const mostWaiting = 1000;
const mostAtOnce = 100;
const againAfterMs = 1000;

export interface OutboxOptions {
  readonly clock: Clock;
  readonly observe: (drafts: readonly ObservationDraft[]) => Promise<void>;
  /** More waits than can be kept: the one who asked has to find out anew what is. */
  readonly onOverflow: () => void;
}

/**
 * What the server said and the log has not taken yet, in order. An OPC UA client acknowledges notifications as they come in, so
 * the server would not repeat them.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: ObservationDraft[] = [];
  #busy = false;
  #closed = false;
  #cancelRetry = () => {};

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  add(drafts: readonly ObservationDraft[]): void {
    if (this.#closed || drafts.length === 0) return;
    if (this.#waiting.length + drafts.length > mostWaiting) {
      this.#waiting = [];
      this.#options.onOverflow();
      return;
    }
    this.#waiting.push(...drafts);
    this.#send();
  }

  /** False where something was not taken: then what was told is not what is known. */
  close(): boolean {
    this.#closed = true;
    this.#cancelRetry();
    return this.#waiting.length === 0;
  }

  #send(): void {
    if (this.#busy || this.#closed || this.#waiting.length === 0) return;
    this.#busy = true;
    this.#cancelRetry();
    const { clock, observe } = this.#options;
    const batch = this.#waiting.slice(0, mostAtOnce);
    const seenAtMs = clock.wall();
    observe(batch).then(
      () => {
        this.#busy = false;
        this.#waiting = this.#waiting.slice(batch.length);
        this.#send();
      },
      () => {
        this.#busy = false;
        if (this.#closed) return;
        // By the time at which it was seen, not by that at which the disk has room again.
        this.#waiting = this.#waiting.map((draft) => ({ occurredAtMs: seenAtMs, ...draft }));
        this.#cancelRetry = clock.after(againAfterMs, () => this.#send());
      },
    );
  }
}
