import type { Scenario } from "./step.ts";

/** Everything a newcomer should see within a minute. */
export const evening: Scenario = {
  name: "evening",
  title: {
    zh: "正常通行、门禁三次被拒、高空抛物、电动车起火、设备离线",
    en: "people come home, three refusals, a throw, an e-bike fire, a terminal that loses power",
  },
  steps: [
    // The fire takes half a minute to be one, so it smoulders from the start.
    {
      atS: 1,
      do: "fire",
      device: "ext-b3-2f",
      growth: "ultrafast",
      ceilingM: 2.4,
      radiusM: 0.8,
      smoulderS: 8,
    },
    { atS: 1.5, do: "granted", device: "gate-east" },
    { atS: 3, do: "granted", device: "gate-b3" },
    { atS: 4, do: "cut", device: "gate-b3", forS: 38 },
    { atS: 6, do: "denied", device: "gate-east", person: 7 },
    { atS: 8.5, do: "denied", device: "gate-east", person: 7 },
    { atS: 11, do: "denied", device: "gate-east", person: 7 },
    {
      atS: 15,
      do: "throw",
      cameras: ["cam-b3-north", "cam-b3-east"],
      floor: 15,
      thing: "full-bottle",
      reports: 2,
    },
    { atS: 20, do: "denied", device: "gate-b3", person: 3 },
    { atS: 22, do: "arrivals", device: "gate-east", perMinute: 4, forS: 600 },
    { atS: 30, do: "stranger", device: "gate-east" },
  ],
  endS: 56,
  raises: ["access-denied-repeated", "device-offline", "fire", "thrown-object"],
};
