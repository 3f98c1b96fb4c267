import type { Scenario } from "./step.ts";

/** Nothing but people who come and go: no alarm may be raised. */
export const quiet: Scenario = {
  name: "quiet",
  title: { zh: "只有正常通行，不应有任何警情", en: "people come and go; nothing may be raised" },
  steps: [
    { atS: 1, do: "granted", device: "gate-east" },
    { atS: 2, do: "granted", device: "gate-b3" },
    { atS: 3, do: "arrivals", device: "gate-east", perMinute: 6, forS: 3600 },
    { atS: 3, do: "arrivals", device: "gate-b3", perMinute: 3, forS: 3600 },
    { atS: 10, do: "replay", device: "gate-east", lastS: 600 },
  ],
  endS: 40,
  raises: [],
};
