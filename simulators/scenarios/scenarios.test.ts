import { describe, expect, it } from "vitest";
import { demoDevices } from "../demo/site.ts";
import { scenarios } from "./scenarios.ts";
import { deviceOf, stepSchema } from "./step.ts";

describe("the scenarios", () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    "%s plays with devices of the demo site",
    (_, scenario) => {
      const ids = new Set(demoDevices.map(({ id }) => id));
      for (const step of scenario.steps) {
        expect(stepSchema.safeParse(step).success).toBe(true);
        for (const id of step.do === "throw" ? step.cameras : [deviceOf(step)]) {
          if (id !== undefined) expect(ids).toContain(id);
        }
        expect(step.atS).toBeLessThan(scenario.endS);
      }
    },
  );

  it("have names of their own, evening first", () => {
    const names = scenarios.map(({ name }) => name);
    expect(names).toEqual(["evening", "fire", "throw", "night-outage", "quiet"]);
  });

  it("show a refusal, a throw and a fire within a minute of the start", () => {
    const [first] = scenarios;
    expect(first.steps.filter((step) => step.do === "denied" && step.device === "gate-east").length).toBe(3);
    expect(first.endS).toBeLessThan(60);
  });
});
