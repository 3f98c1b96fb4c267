/** A steady rate with a short burst: a token bucket in log time. A rate of 0 sets no limit. */
export class Pacer {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `burst`: so many at once after a pause; a tenth of a second's worth unless given. */
  constructor(perSecond: number, now: number, burst = perSecond / 10) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Takes one token and gives 0, or takes none and gives the ms until there is one. */
  take(now: number): number {
    if (this.#perMs <= 0) return 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs));
  }
}
