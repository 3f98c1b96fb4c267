/** Recent temperatures of one sensor: every sample of the last half minute and the lowest of each of the last minutes. */
export interface Trend {
  readonly samples: readonly { readonly at: number; readonly c: number }[];
  readonly lows: readonly { readonly minute: number; readonly c: number }[];
}

export const emptyTrend: Trend = { samples: [], lows: [] };

/** Slopes are taken over this time, ms. */
export const slopeWindowMs = 30_000;
const maxSamples = 64;
const lowsKept = 15;

/**
 * Takes a sample in. A device reports when its value moved, so between two samples the older one holds: one sample from
 * before the window is kept as the window's beginning.
 */
export function addSample(trend: Trend, at: number, c: number): Trend {
  const all = [...trend.samples, { at, c }];
  const firstInside = all.findIndex((s) => s.at > at - slopeWindowMs);
  const samples = thin(all.slice(Math.max(0, firstInside - 1)));
  const minute = Math.floor(at / 60_000);
  const last = trend.lows.at(-1);
  const lows =
    last?.minute === minute
      ? [...trend.lows.slice(0, -1), { minute, c: Math.min(last.c, c) }]
      : [...trend.lows, { minute, c }];
  return { samples, lows: lows.filter((l) => l.minute > minute - lowsKept) };
}

/** Keeps first and last, and every other one between when there are too many. */
function thin<T>(items: readonly T[]): readonly T[] {
  if (items.length <= maxSamples) return items;
  return items.filter((_, i) => i === 0 || i >= items.length - 2 || i % 2 === 0);
}

/** K/min from the temperature half a minute ago to now; 0 while less than that is known. */
export function slopePerMinute(trend: Trend): number {
  const last = trend.samples.at(-1);
  const first = trend.samples[0];
  if (last === undefined || first === undefined || first === last) return 0;
  const from = last.at - slopeWindowMs;
  const begin = Math.max(from, first.at);
  if (last.at - begin < slopeWindowMs / 3) return 0;
  return ((last.c - temperatureAt(trend, begin)) / (last.at - begin)) * 60_000;
}

/** K above the lowest of the last quarter of an hour. */
export function riseAbove(trend: Trend): number {
  const last = trend.samples.at(-1);
  if (last === undefined) return 0;
  return last.c - Math.min(...trend.lows.map((l) => l.c));
}

/** Between two samples on the line that joins them; a sensor reports again as soon as it leaves its dead band. */
function temperatureAt(trend: Trend, at: number): number {
  let before = trend.samples[0];
  for (const sample of trend.samples) {
    if (sample.at > at) {
      if (before === undefined || sample.at === before.at) return sample.c;
      // A pause longer than the window is a constant value, not a slow ramp.
      if (sample.at - before.at > slopeWindowMs) return before.c;
      return before.c + ((sample.c - before.c) * (at - before.at)) / (sample.at - before.at);
    }
    before = sample;
  }
  return before?.c ?? 0;
}

/** True where the window holds a step that hot gas does not make: 15 K and more within 3 s. A loose wire does. */
export function jumped(trend: Trend): boolean {
  return trend.samples.some((s, i) => {
    const before = trend.samples[i - 1];
    return before !== undefined && Math.abs(s.c - before.c) >= 15 && s.at - before.at <= 3000;
  });
}
