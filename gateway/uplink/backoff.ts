/** How long to wait between attempts, ms. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Exponential back-off with jitter over its whole range, so that thousands of gateways that lost one broker do not come
 * back in step: attempt n (from 1) waits between `firstMs` and `firstMs` × 2ⁿ, at most `longestMs`. `random` in [0, 1).
 */
export function backoffMs(attempt: number, random: () => number, limits: BackoffLimits): number {
  const ceiling = Math.min(limits.longestMs, limits.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(limits.firstMs + random() * Math.max(0, ceiling - limits.firstMs));
}

export const reconnectBackoff: BackoffLimits = { firstMs: 500, longestMs: 30_000 };
/** Another client uses our name: two that come back at once would throw each other out for ever. */
export const takeoverBackoff: BackoffLimits = { firstMs: 60_000, longestMs: 900_000 };
export const retryBackoff: BackoffLimits = { firstMs: 1_000, longestMs: 60_000 };
