import type { CommandOutcome } from "../../gateway/domain/command.ts";
import type { Clock } from "../../gateway/ports/clock.ts";

export interface SubscriptionParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Subscribes at the device. Never rejects. */
  readonly ask: () => Promise<CommandOutcome>;
  /** Silence after which the subscription counts as forgotten, ms. */
  readonly silentAfterMs: number;
  /** It was silent for that long, and does not let itself be subscribed either. */
  readonly onLost: () => void;
}

const firstRetryMs = 5000;
const longestRetryMs = 5 * 60_000;

/**
 * Keeps a device pushing. Devices forget subscriptions when they restart, and say nothing of it: when no push came for the
 * length of three heartbeats it subscribes anew, backing off from 5 s to 5 min where the device does not let it.
 */
export class Subscription {
  readonly #parts: SubscriptionParts;
  readonly #openedAt: number;
  #heardAt: number | undefined;
  #failures = 0;
  #asking: Promise<CommandOutcome> | undefined;
  #cancel: (() => void) | undefined;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#openedAt = parts.clock.now();
    parts.signal.addEventListener("abort", () => this.#cancel?.(), { once: true });
  }

  /** Whatever the device pushes shows that it knows where to. */
  heard(): void {
    this.#heardAt = this.#parts.clock.now();
  }

  /** Subscribes now, and resolves with what the device said. One at a time. */
  renew(): Promise<CommandOutcome> {
    this.#asking ??= this.#renew().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #renew(): Promise<CommandOutcome> {
    const { clock, signal, ask, silentAfterMs, onLost } = this.#parts;
    this.#cancel?.();
    const outcome = await ask();
    if (signal.aborted) return outcome;
    if (outcome.ok) {
      this.#failures = 0;
      this.#watch(silentAfterMs);
      return outcome;
    }
    const silentMs = clock.now() - (this.#heardAt ?? this.#openedAt);
    if (silentMs >= silentAfterMs) onLost();
    // What pushes need not be subscribed: somebody has done it at the device itself.
    if (this.#heardAt !== undefined && silentMs < silentAfterMs) this.#watch(silentAfterMs - silentMs);
    else {
      this.#after(Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures));
      this.#failures += 1;
    }
    return outcome;
  }

  /** Looks in `ms` whether the newest push is as old as silence is. */
  #watch(ms: number): void {
    const { clock, silentAfterMs } = this.#parts;
    this.#cancel = clock.after(ms, () => {
      const leftMs = (this.#heardAt ?? Number.NEGATIVE_INFINITY) + silentAfterMs - clock.now();
      if (leftMs > 0) this.#watch(leftMs);
      else void this.renew();
    });
  }

  #after(ms: number): void {
    this.#cancel = this.#parts.clock.after(ms, () => void this.renew());
  }
}
