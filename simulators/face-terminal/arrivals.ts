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
  const meanGroup = 1 * 0.7 + 2 * 0.22 + 3 * 0.08;
  const meanGapS = (60 / perMinute) * meanGroup;
  const coming: Arrival[] = [];
  for (let atS = exponential(random, meanGapS); atS < forS; atS += exponential(random, meanGapS)) {
    const dice = random();
    const group = dice < 0.7 ? 1 : dice < 0.92 ? 2 : 3;
    for (let member = 0; member < group; member++) {
      const luck = random();
      coming.push({
        atS: atS + member * 1.5,
        outcome: luck < 0.03 ? "retried" : luck < 0.07 ? "stranger" : "allowed",
      });
    }
  }
  return coming;
}
