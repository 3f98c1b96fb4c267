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

/** A sample that came by a step that hot gas does not make, kept apart until what follows tells. `T` is whatever goes with it. */
export interface Doubtful<T> {
  readonly at: number;
  readonly c: number;
  readonly with: T;
}

/** A step of so much, K, within `jumpMs` is none that hot gas makes: a loose wire does, or a DS18B20 that starts (85.0 °C). */
const jumpK = 15;
const jumpMs = 3000;
/** Samples that differ by less, K, say the same. */
const agreeK = 10;

/**
 * Takes a sample in that may be a spike: one that came by a jump waits as `doubtful` for the next. If that one agrees with it, it
 * was no spike, and both count; if that one is back where it was before, it was one, and is forgotten.
 */
export function addDoubting<T>(
  trend: Trend,
  doubtful: Doubtful<T> | undefined,
  sample: Doubtful<T>,
): { readonly trend: Trend; readonly doubtful?: Doubtful<T>; readonly spike?: Doubtful<T> } {
  const { at, c } = sample;
  if (doubtful !== undefined) {
    if (Math.abs(c - doubtful.c) < agreeK)
      return { trend: addSample(addSample(trend, doubtful.at, doubtful.c), at, c) };
    const last = trend.samples.at(-1);
    if (last !== undefined && Math.abs(c - last.c) < jumpK) return { trend: addSample(trend, at, c), spike: doubtful };
    return { trend, doubtful: sample, spike: doubtful };
  }
  const last = trend.samples.at(-1);
  const jumps = last !== undefined && Math.abs(c - last.c) >= jumpK && at - last.at <= jumpMs;
  return jumps ? { trend, doubtful: sample } : { trend: addSample(trend, at, c) };
}

/** True where the window holds a step that hot gas does not make. */
export function jumped(trend: Trend): boolean {
  return trend.samples.some((s, i) => {
    const before = trend.samples[i - 1];
    return before !== undefined && Math.abs(s.c - before.c) >= jumpK && s.at - before.at <= jumpMs;
  });
}
