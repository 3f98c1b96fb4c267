/**
 * Classes of point heat detectors, EN 54-5:2000 table 1 and GB 4716-2005, °C: where one is used, and between which temperatures
 * it answers when heated slowly. The suffix R asks for an answer to a fast rise, S forbids any below the least static
 * temperature however fast it rises (kitchens, boiler rooms).
 */
const classes = {
  A1: { typicalC: 25, mostC: 50, leastStaticC: 54, mostStaticC: 65 },
  A2: { typicalC: 25, mostC: 50, leastStaticC: 54, mostStaticC: 70 },
  B: { typicalC: 40, mostC: 65, leastStaticC: 69, mostStaticC: 85 },
  C: { typicalC: 55, mostC: 80, leastStaticC: 84, mostStaticC: 100 },
  D: { typicalC: 70, mostC: 95, leastStaticC: 99, mostStaticC: 115 },
  E: { typicalC: 85, mostC: 110, leastStaticC: 114, mostStaticC: 130 },
  F: { typicalC: 100, mostC: 125, leastStaticC: 129, mostStaticC: 145 },
  G: { typicalC: 115, mostC: 140, leastStaticC: 144, mostStaticC: 160 },
} as const;

type Letter = keyof typeof classes;
const letters = Object.keys(classes) as [Letter, ...Letter[]];
export type HeatClass = Letter | `${Letter}R` | `${Letter}S`;
export const heatClasses = letters.flatMap((letter): HeatClass[] => [letter, `${letter}R`, `${letter}S`]) as [
  HeatClass,
  ...HeatClass[],
];

/** What a rule needs of a class. */
export interface HeatResponse {
  readonly typicalC: number;
  readonly leastStaticC: number;
  readonly mostStaticC: number;
  /** °C at which it answers however slowly it came. */
  readonly thresholdC: number;
  /** K that it must have risen before a fast rise counts; absent where the class answers to no rise. */
  readonly minRiseK?: number;
}

/** Above the typical temperature by this much, K: between 29 K (least) and 40 K (most for A1) at 1 K/min, with room for a sensor's lag. */
const thresholdAboveTypicalK = 33;

/**
 * A1's least response times at 10 K/min and more are those of a rise by 10 K; the other classes' of one by 20 K. The response
 * time limits themselves are in the rule's tests.
 */
export function heatResponse(heatClass: HeatClass): HeatResponse {
  const letter = letters.find((each) => heatClass.startsWith(each)) ?? "A1";
  const { typicalC, leastStaticC, mostStaticC } = classes[letter];
  return {
    typicalC,
    leastStaticC,
    mostStaticC,
    thresholdC: typicalC + thresholdAboveTypicalK,
    ...(heatClass.endsWith("R") ? { minRiseK: letter === "A1" ? 10 : 20 } : {}),
  };
}
