import type { Scenario } from "./step.ts";

/** Heavy and light things, seen by one camera or by two, and what fools cameras. */
export const thrown: Scenario = {
  name: "throw",
  title: {
    zh: "两台相机同见一次抛物、轻物慢落、飞鸟误报",
    en: "one throw seen by two cameras, a light thing that falls slowly, a bird",
  },
  steps: [
    { atS: 2, do: "throw", cameras: ["cam-b3-north", "cam-b3-east"], floor: 18, thing: "glass-bottle", reports: 2 },
    { atS: 28, do: "throw", cameras: ["cam-b3-north"], floor: 12, thing: "empty-bottle", reports: 3 },
    { atS: 55, do: "mistake", device: "cam-b3-east", cause: "bird" },
  ],
  endS: 75,
  raises: ["thrown-object"],
};
