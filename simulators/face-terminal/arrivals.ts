import { exponential, type Random } from "../random.ts";

export interface Arrival {
  /** Seconds from the start. */
  readonly atS: number;
  /** `retried`: refused once by bad light, then allowed. */
  readonly outcome: "allowed" | "retried" | "stranger";
}

/**
 * People at an entrance: groups come as a Poisson process, 70 % alone, 22 % in pairs, the rest by three; 3 % of the faces
 * are refused at first, 4 % are nobody's who is enrolled.
 */
export function arrivals(perMinute: number, forS: number, random: Random): readonly Arrival[] {
  return poisson(perMinute, forS, random).flatMap((atS) => group(atS, random));
}

/** Share of a day's passages in each of its hours at a block of flats, 0 to 23; a model, with peaks at 7, 8, 17 and 18 h. */
const workdayHours = [
  0.006, 0.003, 0.002, 0.002, 0.004, 0.012, 0.035, 0.085, 0.085, 0.05, 0.045, 0.055, 0.055, 0.045, 0.04, 0.042, 0.05,
  0.075, 0.09, 0.07, 0.055, 0.045, 0.03, 0.019,
] as const;

/** No rush in the morning, and a quarter more between 10 and 16 h. */
const weekendHours = workdayHours.map((share, hour) => {
  if (hour >= 7 && hour <= 9) return 0.045;
  return hour >= 10 && hour <= 16 ? share * 1.25 : share;
});

export interface Day {
  /** Passages in 24 hours; a block of 30 floors with 4 flats each has some 1,350. */
  readonly perDay: number;
  readonly weekend?: boolean;
  /** Hour of the day at which it begins, with a fraction. */
  readonly fromHour?: number;
  /** 24 h where it is not said. */
  readonly forS?: number;
}

/**
 * The same people over a day: a non-homogeneous Poisson process by thinning, its rate that of the hour. Times in seconds from
 * `fromHour`.
 */
export function arrivalsOverDay(
  { perDay, weekend = false, fromHour = 0, forS = 86_400 }: Day,
  random: Random,
): readonly Arrival[] {
  const hours = weekend ? weekendHours : workdayHours;
  const sum = hours.reduce((total, share) => total + share, 0);
  const busiest = Math.max(...hours);
  const perMinute = (perDay * busiest) / sum / 60;
  const kept = poisson(perMinute, forS, random).filter((atS) => {
    const hour = Math.floor((fromHour + atS / 3600) % 24);
    return random() * busiest < (hours[hour] ?? 0);
  });
  return kept.flatMap((atS) => group(atS, random));
}

const meanGroup = 1 * 0.7 + 2 * 0.22 + 3 * 0.08;

/** When groups come, so that so many people come in a minute. */
function poisson(perMinute: number, forS: number, random: Random): readonly number[] {
  const meanGapS = (60 / perMinute) * meanGroup;
  const times: number[] = [];
  for (let atS = exponential(random, meanGapS); atS < forS; atS += exponential(random, meanGapS)) times.push(atS);
  return times;
}

function group(atS: number, random: Random): readonly Arrival[] {
  const dice = random();
  const size = dice < 0.7 ? 1 : dice < 0.92 ? 2 : 3;
  return Array.from({ length: size }, (_, member): Arrival => {
    const luck = random();
    return { atS: atS + member * 1.5, outcome: luck < 0.03 ? "retried" : luck < 0.07 ? "stranger" : "allowed" };
  });
}
