/** Temperatures of the last minutes, thinned. */
export interface Course {
  readonly points: readonly { readonly at: number; readonly c: number }[];
}

export const emptyCourse: Course = { points: [] };

const keptMs = 120_000;
const apartMs = 3000;

/** Points closer than 3 s to the one before take its place, so that the number of points is bounded however fast a device talks. */
export function addPoint({ points }: Course, at: number, c: number): Course {
  const kept = points.filter((each) => each.at > at - keptMs);
  const before = kept.at(-2);
  const replaces = before !== undefined && at - before.at < apartMs;
  return { points: [...(replaces ? kept.slice(0, -1) : kept), { at, c }] };
}

/** When a straight course reaches a temperature, s from now: the likeliest moment, and about 95 % between the two others. */
export interface Forecast {
  readonly slopePerMinute: number;
  /** Of the slope, K/min. */
  readonly standardError: number;
  readonly soonestS: number;
  readonly likelyS: number;
  /** Infinity where it may never. */
  readonly latestS: number;
}

/**
 * Least squares over the points; undefined where they span less than `leastMs`. The forecast is that of the line: a fire that
 * grows as t² is there sooner, which errs on the side of telling.
 */
export function forecast({ points }: Course, thresholdC: number, leastMs: number): Forecast | undefined {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 4 || last.at - first.at < leastMs) return undefined;
  const n = points.length;
  const minutes = points.map(({ at }) => (at - last.at) / 60_000);
  const mx = minutes.reduce((a, b) => a + b, 0) / n;
  const my = points.reduce((sum, { c }) => sum + c, 0) / n;
  const sxx = minutes.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, { c }, i) => sum + ((minutes[i] ?? 0) - mx) * (c - my), 0) / sxx;
  const residual = points.reduce((sum, { c }, i) => sum + (c - my - slope * ((minutes[i] ?? 0) - mx)) ** 2, 0);
  const standardError = Math.sqrt(residual / (n - 2) / sxx);
  const left = Math.max(0, thresholdC - last.c);
  const seconds = (perMinute: number) => (perMinute > 0 ? (left / perMinute) * 60 : Number.POSITIVE_INFINITY);
  return {
    slopePerMinute: slope,
    standardError,
    soonestS: seconds(slope + 2 * standardError),
    likelyS: seconds(slope),
    latestS: seconds(slope - 2 * standardError),
  };
}
