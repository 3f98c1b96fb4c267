import type { Clock } from "../ports/clock.ts";
import type { IngressLimits } from "./limits.ts";

/** Tokens that come at a steady rate up to a burst. Taking more than there is makes a debt, to be waited off. */
class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#level = burst;
    this.#at = now;
  }

  /** How many ms from now until the debt is paid; 0 where there is none. */
  take(tokens: number, now: number): number {
    this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMs) - tokens;
    this.#at = now;
    return this.#level >= 0 ? 0 : Math.ceil(-this.#level / this.#perMs);
  }

  /** Takes them only where they are there; else how many ms until they will be. */
  tryTake(tokens: number, now: number): number {
    const wait = this.take(tokens, now);
    if (wait > 0) this.#level += tokens;
    return wait;
  }
}

export type FlowLimits = Pick<
  IngressLimits,
  "messagesPerSecond" | "messageBurst" | "bytesPerSecond" | "byteBurst" | "floodQuietMs"
>;

/** What one device may send, over all its connections, and whether it floods. */
export class FlowMeter {
  readonly #clock: Clock;
  readonly #limits: FlowLimits;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #onFlooding: (active: boolean) => void;
  #throttledAt = 0;
  #cancelQuiet: (() => void) | undefined;

  constructor(clock: Clock, limits: FlowLimits, onFlooding: (active: boolean) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#messages = new TokenBucket(limits.messagesPerSecond, limits.messageBurst, clock.now());
    this.#bytes = new TokenBucket(limits.bytesPerSecond, limits.byteBurst, clock.now());
    this.#onFlooding = onFlooding;
  }

  get flooding(): boolean {
    return this.#cancelQuiet !== undefined;
  }

  /** Charges what came; answers for how many ms the device is not to be read. */
  take(messages: number, bytes: number): number {
    const now = this.#clock.now();
    const wait = Math.max(this.#messages.take(messages, now), this.#bytes.take(bytes, now));
    if (wait > 0) this.#throttled(now);
    return wait;
  }

  /** Lets one message pass and answers 0, or charges nothing and answers after how many ms it may be tried again. */
  admit(): number {
    const now = this.#clock.now();
    const wait = this.#messages.tryTake(1, now);
    if (wait > 0) this.#throttled(now);
    return wait;
  }

  stop(): void {
    this.#cancelQuiet?.();
    this.#cancelQuiet = undefined;
  }

  #throttled(now: number): void {
    this.#throttledAt = now;
    if (this.#cancelQuiet !== undefined) return;
    this.#cancelQuiet = this.#watch(this.#limits.floodQuietMs);
    this.#onFlooding(true);
  }

  #watch(ms: number): () => void {
    return this.#clock.after(ms, () => {
      const left = this.#throttledAt + this.#limits.floodQuietMs - this.#clock.now();
      if (left > 0) {
        this.#cancelQuiet = this.#watch(left);
        return;
      }
      this.#cancelQuiet = undefined;
      this.#onFlooding(false);
    });
  }
}
