import { carried, fallen } from "./falling-body.ts";
import { thinned } from "./fractions.ts";
import { leastSquares, type Minimum } from "./least-squares.ts";
import type { Projection } from "./projection.ts";

/** A point of a track: ms after the first one, y as a fraction of the picture. */
export interface FallPoint {
  readonly ms: number;
  readonly x: number;
  readonly y: number;
}

/** How well the points and the mounting are known: standard deviations. */
export interface Accuracy {
  /** Of a point, as a fraction of the picture's height. */
  readonly y: number;
  readonly milliseconds: number;
  /** Of the distance, as a part of it. */
  readonly scale: number;
  /** Of where the picture points to, as a fraction of its height. */
  readonly shift: number;
}

/** What a track says of the release. */
export type FallFit =
  /** Height above the ground, m: the most likely one, its deviation, and where it lies with 95 % probability. */
  | {
      readonly kind: "height";
      readonly heightM: number;
      readonly sigmaM: number;
      readonly lowM: number;
      readonly highM: number;
    }
  /** So light that it tells nothing of what is above the first point, m: it was released there or higher. */
  | { readonly kind: "at-least"; readonly lowM: number }
  /** No body that falls. */
  | { readonly kind: "none"; readonly why: "short" | "sideways" | "rising" | "no-fall" };

const none = (why: (FallFit & { kind: "none" })["why"]): FallFit => ({ kind: "none", why });

const fewestPoints = 6;
const leastFallM = 3;
const leastMs = 250;
const mostPoints = 60;
/** What rises again by so much once it has fallen `leastFallM` flies. Before, a body thrown up and out seems to rise by some metres. */
const mostRiseM = 1.2;
const mostFirstRiseM = 6;
/** A point so near to the border of the picture was not the first: the body came into view there. */
const border = 0.02;
/** Residuals so many times larger than the points are inaccurate are of something else than a fall. */
const worstMisfit = 4;
/** Sum of squares over the six priors: a throw so strange (1 in 40 of them would be, by chance) is rather none. */
const worstStrangeness = 14;
/** Seen first in the midst of the facade, it was released a little above, and not storeys higher. */
const mostUnseenM = 12;
/** Below such a terminal speed, m/s, a thing floats: wind and shape tell more than gravity. */
const lightBelow = 11;

/** Terminal speeds from which the search starts, m/s: a bag, paper, an empty box, a rubbish bag, a bottle, a brick. */
const starts = [1.5, 4, 8, 18, 30, 48];
/** Priors, as normal distributions. */
const prior = {
  /** Metres between the release and the first point, as a logarithm: half a metre to three; or as it may be outside of the picture. */
  unseen: { inside: [Math.log(1.4), 0.65], outside: [Math.log(8), 1.2] },
  /** m/s downwards and out from the wall. */
  down: [-0.3, 1.3],
  out: [2, 2.2],
  /** Of the logarithm of the terminal speed. */
  terminal: [Math.log(22), 0.9],
} as const;
const deltas = [1e-3, 1e-4, 1e-3, 1e-3, 1e-5, 1e-6, 1e-4];

/**
 * The height of the release of a falling body from its track: height at the first point, time since the release, speed
 * downwards and outwards, terminal speed, and the errors of the mounting are searched for together, each with its prior; the
 * search starts from several terminal speeds, and what it finds is weighed by Laplace's approximation. Bounded: 60 points,
 * 6 starts, 25 rounds. Never throws.
 */
export function fitFall(
  track: readonly FallPoint[],
  projection: Projection,
  accuracy: Accuracy,
  aspect: number,
): FallFit {
  const points = thinned(track, mostPoints);
  const heights = points.map(({ y }) => projection.height(y));
  const [first, last] = [points[0], points.at(-1)];
  const top = heights[0];
  if (first === undefined || last === undefined || top === undefined) return none("short");
  if (points.length < fewestPoints || last.ms - first.ms < leastMs) return none("short");
  let lowest = top;
  let sideways = 0;
  for (const [i, height] of heights.entries()) {
    if (height === undefined) return none("no-fall");
    const rise = height - lowest - 4 * accuracyAt(height, projection, accuracy);
    if (rise > (top - lowest > leastFallM ? mostRiseM : mostFirstRiseM)) return none("rising");
    lowest = Math.min(lowest, height);
    sideways = Math.max(sideways, Math.abs((points[i]?.x ?? first.x) - first.x));
  }
  if (sideways * aspect > Math.max(...points.map(({ y }) => y - first.y))) return none("sideways");
  if (top - lowest < leastFallM) return none("short");

  const inside = first.y > border;
  const found = search(points, top, projection, accuracy, inside);
  return found === undefined ? none("no-fall") : verdict(found, inside, projection.cameraHeight);
}

/** One m of height at the point, from the deviation of its y. */
function accuracyAt(height: number, projection: Projection, { y }: Accuracy): number {
  const [here, there] = [projection.y(height), projection.y(height - 0.5)];
  return here === undefined || there === undefined ? 0 : (0.5 * y) / Math.max(1e-6, Math.abs(there - here));
}

interface Found {
  readonly weight: number;
  readonly releaseM: number;
  readonly sigmaM: number;
  readonly unseenM: number;
  readonly firstM: number;
  readonly firstSigmaM: number;
  readonly terminal: number;
}

function search(
  points: readonly FallPoint[],
  top: number,
  projection: Projection,
  accuracy: Accuracy,
  inside: boolean,
): readonly Found[] | undefined {
  const sigmas = deviations(points, accuracy);
  let misfit = 1;
  let minima: Minimum[] = [];
  // Twice: with the stated accuracy, and with the one that the best of these shows.
  for (const rounds of [25, 8]) {
    const residuals = residualsOf(points, sigmas, misfit, projection, accuracy, inside);
    const from = minima.length > 0 ? minima.map(({ at }) => at) : starts.map((speed) => startAt(speed, top));
    minima = from.flatMap((start) => leastSquares(residuals, start, deltas, rounds) ?? []);
    const best = minima.reduce<Minimum | undefined>((a, b) => (a === undefined || b.cost < a.cost ? b : a), undefined);
    if (best === undefined) return undefined;
    const all = residuals(best.at);
    const [squares, strange] = [squaresOf(all.slice(0, points.length)), squaresOf(all.slice(points.length))];
    misfit *= Math.sqrt((6 + squares) / (6 + points.length - 3));
    if (misfit > worstMisfit || strange > worstStrangeness) return undefined;
    misfit = Math.max(0.6, misfit);
  }
  const least = Math.min(...minima.map(({ cost }) => cost));
  return minima.map((minimum) => {
    const [z = 0, q = 0, down = 0, , , , speed = 0] = minimum.at;
    const unseenM = unseen(q, down, speed);
    const slope = minimum.at.map(
      (_, i) => (releaseOf(nudged(minimum.at, i)) - releaseOf(minimum.at)) / (deltas[i] ?? 1),
    );
    return {
      weight: Math.exp(least - minimum.cost + minimum.logDeterminant / 2),
      releaseM: z + unseenM,
      sigmaM: Math.sqrt(quadratic(minimum.covariance, slope)),
      unseenM,
      firstM: z,
      firstSigmaM: Math.sqrt(minimum.covariance[0]?.[0] ?? 0),
      terminal: Math.exp(speed),
    };
  });
}

/** The mixture of what was found: its mean and its quantiles. */
function verdict(found: readonly Found[], inside: boolean, cameraHeight: number): FallFit {
  const total = found.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total > 0) || !Number.isFinite(total)) return none("no-fall");
  const mean = (value: (each: Found) => number) =>
    found.reduce((sum, each) => sum + each.weight * value(each), 0) / total;
  if (inside && mean(({ unseenM }) => unseenM) > mostUnseenM) return none("no-fall");
  if (mean(({ terminal }) => (terminal < lightBelow ? 1 : 0)) > 0.5) {
    // What comes into view at its final speed may be rain as well.
    if (!inside) return none("no-fall");
    return {
      kind: "at-least",
      lowM: Math.max(
        0,
        mean(({ firstM, firstSigmaM }) => firstM - 2 * firstSigmaM),
      ),
    };
  }
  const heightM = mean(({ releaseM }) => releaseM);
  const sigmaM = Math.sqrt(mean(({ releaseM, sigmaM }) => sigmaM ** 2 + (releaseM - heightM) ** 2));
  const below = (height: number) => mean(({ releaseM, sigmaM }) => normal((height - releaseM) / sigmaM));
  const [lowM, highM] = [quantile(below, 0.025, heightM, sigmaM), quantile(below, 0.975, heightM, sigmaM)];
  if (![heightM, sigmaM, lowM, highM].every(Number.isFinite) || highM < Math.min(0, cameraHeight))
    return none("no-fall");
  return { kind: "height", heightM, sigmaM, lowM, highM };
}

/** Parameters: height at the first point, ln of the seconds since the release, speed down and out, ln of the scale, shift, ln Vt. */
function startAt(speed: number, top: number): number[] {
  return [top, Math.log(0.5 + 1 / speed), 0, 1, 0, 0, Math.log(speed)];
}

function unseen(q: number, down: number, speed: number): number {
  return fallen(Math.exp(Math.min(q, 5)), down, terminalOf(speed));
}

function releaseOf(at: readonly number[]): number {
  const [z = 0, q = 0, down = 0, , , , speed = 0] = at;
  return z + unseen(q, down, speed);
}

function nudged(at: readonly number[], i: number): number[] {
  return at.map((value, j) => (i === j ? value + (deltas[i] ?? 0) : value));
}

/** Between a feather and a cannon ball, whatever the search tries. */
function terminalOf(speed: number): number {
  return Math.exp(Math.min(5, Math.max(-1, speed)));
}

function residualsOf(
  points: readonly FallPoint[],
  sigmas: readonly number[],
  misfit: number,
  { cameraHeight, distance, y }: Projection,
  accuracy: Accuracy,
  inside: boolean,
): (at: readonly number[]) => readonly number[] {
  const [depthMean, depthSigma] = inside ? prior.unseen.inside : prior.unseen.outside;
  const startMs = points[0]?.ms ?? 0;
  return (at) => {
    const [z = 0, q = 0, down = 0, out = 0, scale = 0, shift = 0, speed = 0] = at;
    const before = Math.exp(Math.min(q, 5));
    const terminal = terminalOf(speed);
    const unseenM = fallen(before, down, terminal);
    const stretched = distance * Math.exp(Math.min(1, Math.max(-1, scale)));
    const misses = points.map((point, i) => {
      const since = before + (point.ms - startMs) / 1000;
      const height = z + unseenM - fallen(since, down, terminal);
      const away = stretched - Math.min(0.7 * stretched, carried(since, out, terminal));
      const seen = y(cameraHeight + ((height - cameraHeight) * distance) / away);
      return ((seen ?? -1) + shift - point.y) / ((sigmas[i] ?? 1) * misfit);
    });
    return [
      ...misses,
      (Math.log(Math.max(unseenM, 0.02)) - depthMean) / depthSigma,
      (down - prior.down[0]) / prior.down[1],
      (out - prior.out[0]) / prior.out[1],
      scale / Math.max(1e-4, accuracy.scale),
      shift / Math.max(1e-5, accuracy.shift),
      (speed - prior.terminal[0]) / prior.terminal[1],
    ];
  };
}

/** Of each point: its own, and what its time is wrong by at the speed that it has in the picture. */
function deviations(points: readonly FallPoint[], accuracy: Accuracy): number[] {
  return points.map((_, i) => {
    const [before, after] = [points[Math.max(0, i - 3)], points[Math.min(points.length - 1, i + 3)]];
    if (before === undefined || after === undefined) return accuracy.y;
    const perMs = (after.y - before.y) / Math.max(1, after.ms - before.ms);
    return Math.hypot(accuracy.y, perMs * accuracy.milliseconds);
  });
}

function squaresOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

function quadratic(matrix: readonly (readonly number[])[], by: readonly number[]): number {
  return by.reduce((sum, a, i) => sum + by.reduce((inner, b, j) => inner + a * b * (matrix[i]?.[j] ?? 0), 0), 0);
}

/** The normal distribution, by Abramowitz and Stegun 7.1.26 (error below 1.5e-7). */
function normal(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (series * Math.exp(-(x * x) / 2)) / 2;
  return x < 0 ? tail : 1 - tail;
}

function quantile(below: (height: number) => number, part: number, mean: number, sigma: number): number {
  let [low, high] = [mean - 8 * sigma, mean + 8 * sigma];
  for (let round = 0; round < 40; round += 1) {
    const middle = (low + high) / 2;
    if (below(middle) < part) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
