/** Bounds of the pauses between attempts, ms. */
export interface BackOffBounds {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Exponential back-off with full jitter: a pause anywhere between nothing and the bound, which doubles with each attempt
 * (counted from 0), so that what failed together does not try again together. `random` answers in 0..1.
 */
export function backOffMs(attempt: number, bounds: BackOffBounds, random: () => number): number {
  const bound = Math.min(bounds.longestMs, bounds.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(random() * bound);
}
