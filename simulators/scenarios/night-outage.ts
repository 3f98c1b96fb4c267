import type { Scenario } from "./step.ts";

/** The city cannot be reached while things happen; afterwards everything arrives, marked as late. */
export const nightOutage: Scenario = {
  name: "night-outage",
  title: {
    zh: "与城市平台断线20秒，期间的警情恢复后一条不少地补发",
    en: "the line to the city is down for 20 s; the alarms of that time arrive afterwards, all of them",
  },
  steps: [
    { atS: 2, do: "granted", device: "gate-east" },
    { atS: 4, do: "cut-city-line", forS: 20 },
    { atS: 6, do: "denied", device: "gate-east", person: 2 },
    { atS: 8, do: "denied", device: "gate-east", person: 2 },
    { atS: 10, do: "denied", device: "gate-east", person: 2 },
    { atS: 12, do: "throw", cameras: ["cam-b3-north", "cam-b3-east"], floor: 9, thing: "rubbish-bag" },
    { atS: 5, do: "fire", device: "ext-b5-shed", growth: "ultrafast", ceilingM: 2.2, radiusM: 0.8 },
    { atS: 30, do: "granted", device: "gate-b3" },
  ],
  endS: 50,
  raises: ["access-denied-repeated", "fire", "thrown-object"],
};
