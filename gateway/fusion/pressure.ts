/** Standard atmosphere, MPa: gauges read above it. */
const atmosphereMpa = 0.1013;
const zeroC = 273.15;
const referenceC = 20;

/**
 * What a gauge would read at 20 °C: the gas of a stored-pressure extinguisher follows its temperature (ideal gas at fixed volume, on
 * absolute pressure; powder expansion left out, real curves are within 3 %). A unit filled to 1.14 MPa reads 0.971 at −20 °C and is
 * full; one that reads 1.021 at 55 °C holds 0.90 and is not.
 * @returns gauge pressure at 20 °C, MPa
 */
export function gaugeAt20(gaugeMpa: number, temperatureC: number): number {
  return ((gaugeMpa + atmosphereMpa) * (referenceC + zeroC)) / (temperatureC + zeroC) - atmosphereMpa;
}

/** The mean of one day's pressure. */
export interface DayMean {
  readonly day: number;
  readonly sum: number;
  readonly n: number;
}

const daysKept = 45;
const daysNeeded = 14;
/** Half a percent a month of 1.2 MPa: less is the weather, or years away. */
const leastLoss = 0.0002;

export function addToDays(days: readonly DayMean[], atMs: number, mpa: number): readonly DayMean[] {
  const day = Math.floor(atMs / 86_400_000);
  const last = days.at(-1);
  if (last?.day === day) return [...days.slice(0, -1), { day, sum: last.sum + mpa, n: last.n + 1 }];
  return [...days, { day, sum: mpa, n: 1 }].slice(-daysKept);
}

/**
 * Loss a day, MPa, by a straight line through the daily means, where it is surely more than none (three times its standard error);
 * undefined before a fortnight is known. The newest day is left out: it is not over.
 */
export function lossPerDay(days: readonly DayMean[]): number | undefined {
  if (days.length <= daysNeeded) return undefined;
  const points = days.slice(0, -1).map(({ day, sum, n }) => ({ x: day, y: sum / n }));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const sxx = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / sxx;
  const residual = points.reduce((sum, { x, y }) => sum + (y - my - slope * (x - mx)) ** 2, 0);
  const standardError = Math.sqrt(residual / (points.length - 2) / sxx);
  return slope < -3 * standardError && slope < -leastLoss ? -slope : undefined;
}

/** The gauge as it was read in the last half minute, and what it stood at before it fell. */
export interface Gauge {
  readonly samples: readonly { readonly at: number; readonly mpa: number }[];
  /** Readings in a row below the half of what it was. */
  readonly low: number;
  /** What it stood at before it fell; absent while it stands. */
  readonly fellFrom?: number;
}

export const emptyGauge: Gauge = { samples: [], low: 0 };

const fallMs = 30_000;
/** A unit empties to a tenth within 7 to 14 s; the half is out of reach for weather and leaks. */
const fallenTo = 0.5;
/** One reading may be a loose wire. */
const readingsNeeded = 2;
const mostSamples = 32;

/** Takes a reading in. `fellFrom` is there from the second reading below the half of what the gauge stood at half a minute ago, until it is filled again. */
export function addGauge(gauge: Gauge, at: number, mpa: number): Gauge {
  const before = gauge.samples.filter((each) => each.at > at - fallMs);
  // A device reports changes: the last one before the window is what the gauge stood at.
  const standing = gauge.samples.filter((each) => each.at <= at - fallMs).at(-1);
  const window = [...(standing === undefined ? [] : [standing]), ...before];
  const samples = [...window, { at, mpa }].slice(-mostSamples);
  if (gauge.fellFrom !== undefined) {
    const filled = mpa > gauge.fellFrom * 0.8;
    return filled ? { samples, low: 0 } : { samples, low: gauge.low, fellFrom: gauge.fellFrom };
  }
  const stoodAt = Math.max(0, ...window.map((each) => each.mpa));
  const low = stoodAt > 0 && mpa < stoodAt * fallenTo ? gauge.low + 1 : 0;
  return low >= readingsNeeded ? { samples, low, fellFrom: stoodAt } : { samples, low };
}
