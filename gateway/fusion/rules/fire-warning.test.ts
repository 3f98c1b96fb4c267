import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { fire } from "./fire.ts";
import { fireWarning } from "./fire-warning.ts";

const bench = (params: Record<string, unknown> = {}) =>
  new FusionBench(withDefaults([fire, fireWarning], { "fire-warning": params, fire: params }));

function read(b: FusionBench, temperatureC: number): void {
  b.observe("ext-1", "b3-u1", { kind: "thermal.reading", body: { temperatureC: Math.round(temperatureC * 10) / 10 } });
}
/** One reading a second along a course of °C over seconds; the second at which each step of the warning came. */
function follow(b: FusionBench, seconds: number, course: (s: number) => number): Record<string, number> {
  const told: Record<string, number> = {};
  for (let s = 0; s < seconds; s++) {
    read(b, course(s));
    const step = b.steps("fire-warning").at(-1);
    if (step !== undefined) told[step] ??= s;
    b.clock.advance(1000);
  }
  return told;
}

describe("the early warning", () => {
  test("comes minutes before the alarm of a steady rise, with a forecast that is right, and ends with the fire", () => {
    const b = bench();
    const told = follow(b, 900, (s) => 25 + (5 * s) / 60);
    const [warning] = b.alarms.read(0, 1).map(({ transition }) => transition);
    const [, from, to] = /in ([\d.]+) to ([\d.]+) minutes/.exec(warning?.explanation.en ?? "") ?? [];
    const reachesAt = (58 - 25) * 12;
    const at = told["raised"] ?? Number.NaN;
    expect(reachesAt - at).toBeGreaterThan(120);
    expect((reachesAt - at) / 60).toBeGreaterThan(Number(from) - 0.1);
    expect((reachesAt - at) / 60).toBeLessThan(Number(to) + 0.1);
    expect(b.steps("fire-warning")).toEqual(["raised", "returned"]);
    expect(b.steps("fire")).toContain("raised");
  });

  test.each([
    ["a ramp of 2 K/min from 25 to 50 °C, which then holds", 2400, (s: number) => Math.min(50, 25 + (2 * s) / 60)],
    ["a roof in the sun, 1 K/min", 3600, (s: number) => 20 + s / 60],
    ["a cabinet in which e-bikes charge", 7200, (s: number) => 25 + 22 * (1 - Math.exp(-s / 2400))],
    ["noise of a tenth of a kelvin at 45 °C", 1200, (s: number) => 45 + 0.1 * Math.sin(s * 12.9898)],
  ])("does not come for %s", (_, seconds, course) => {
    expect(follow(bench(), seconds, course)).toEqual({});
  });

  test("does not come for a wok in a kitchen with a class S detector", () => {
    const wok = (s: number) => (s < 80 ? 28 + s / 4 : Math.max(28, 48 - (s - 80) / 18));
    expect(follow(bench({ heatClass: "A2S" }), 600, wok)).toEqual({});
  });

  test("is over when it rises no more, also where the device then has nothing new to say", () => {
    const b = bench();
    follow(b, 180, (s) => 35 + (4 * s) / 60);
    expect(b.steps("fire-warning")).toEqual(["raised"]);
    b.clock.advance(300_000);
    expect(b.steps("fire-warning")).toEqual(["raised", "returned"]);
    expect(b.steps("fire")).toEqual([]);
  });
});
