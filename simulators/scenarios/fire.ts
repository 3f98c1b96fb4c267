import type { Scenario } from "./step.ts";

/** Two fires, and two things that are none. */
export const fire: Scenario = {
  name: "fire",
  title: {
    zh: "楼道电动车起火与床垫慢燃，另有日晒升温与漏气",
    en: "an e-bike, a mattress, and beside them a sun-warmed shed and a leaking cylinder that are no fire",
  },
  steps: [
    { atS: 1, do: "warm", device: "ext-b5-shed", toC: 41, overS: 100 },
    { atS: 2, do: "fire", device: "ext-b3-2f", growth: "ultrafast", ceilingM: 2.4, radiusM: 0.8, smoulderS: 8 },
    { atS: 5, do: "fire", device: "ext-b5-1f", growth: "fast", ceilingM: 2.6, radiusM: 1, smoulderS: 10 },
    { atS: 20, do: "leak", device: "ext-b5-shed", mpa: 0.3 },
    { atS: 30, do: "line-fault", device: "ext-b5-shed", mode: "noise", forS: 10 },
  ],
  endS: 110,
  raises: ["fire"],
};
