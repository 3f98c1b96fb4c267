import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { pressureLow } from "./pressure-low.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const bench = () => new FusionBench(withDefaults([pressureLow]));

/** What the gauge of a unit reads that holds `p20` MPa at 20 °C. */
const gauge = (p20: number, c: number) => ((p20 + 0.1013) * (c + 273.15)) / 293.15 - 0.1013;

function read(b: FusionBench, p20: number, temperatureC: number): void {
  const pressureMpa = gauge(p20, temperatureC);
  b.observe("ext-1", "b3", { kind: "thermal.reading", body: { temperatureC, pressureMpa } });
}

describe("an extinguisher's pressure", () => {
  test("is compared at 20 °C: a full unit in the cold is not low", () => {
    const b = bench();
    read(b, 1.14, -20);
    expect(gauge(1.14, -20)).toBeLessThan(1);
    b.clock.advance(day);
    expect(b.steps()).toEqual([]);
  });

  test("and a leaked one in the heat is, though its gauge reads more than the limit", () => {
    const b = bench();
    read(b, 0.9, 55);
    expect(gauge(0.9, 55)).toBeGreaterThan(1);
    b.clock.advance(10 * minute);
    expect(b.desk.open()).toMatchObject([{ rule: "pressure-low", severity: "minor" }]);
    expect(b.desk.open()[0]?.explanation.en).toContain("0.90 MPa at 20 °C");
  });

  test("has to be low for ten minutes, since gas and sensor do not get warm together", () => {
    const b = bench();
    read(b, 0.98, 20);
    b.clock.advance(9 * minute);
    read(b, 1.19, 20);
    b.clock.advance(hour);
    expect(b.steps()).toEqual([]);
  });

  test("is back when the unit is filled, and not at the limit itself", () => {
    const b = bench();
    read(b, 0.9, 20);
    b.clock.advance(10 * minute);
    read(b, 1.01, 20);
    expect(b.steps()).toEqual(["raised"]);
    read(b, 1.2, 20);
    expect(b.steps()).toEqual(["raised", "returned"]);
  });

  test("is low by the device's own bit at once, but not while it discharges", () => {
    const b = bench();
    const say = (lowPressure: boolean, discharged = false) =>
      b.observe("ext-1", "b3", { kind: "extinguisher.state", body: { discharged, lowPressure, tamper: false } });
    say(true, true);
    expect(b.steps()).toEqual([]);
    say(true);
    expect(b.steps()).toEqual(["raised"]);
    say(false);
    expect(b.steps()).toEqual(["raised", "returned"]);
  });

  test("that leaks 3 % a month while the days are warm and the nights cold is told before it is low", () => {
    const b = bench();
    let toldAt: number | undefined;
    for (let h = 0; h < 200 * 24 && b.desk.open().length === 0; h++) {
      const c = 20 + 15 * Math.sin((2 * Math.PI * h) / 24);
      const p20 = 1.2 * (1 - (0.03 * h) / 24 / 30);
      read(b, p20 + 0.01 * Math.sin(h * 7.3), c);
      b.clock.advance(hour);
      if (h % 500 === 0) b.restart(false);
      toldAt = p20;
    }
    expect(b.desk.open()).toMatchObject([{ severity: "warning", certainty: "likely" }]);
    expect(toldAt).toBeGreaterThan(1.0);
    expect(toldAt).toBeLessThan(1.06);
    expect(b.desk.open()[0]?.explanation.zh).toMatch(/预计(3\d|4\d|5\d)天后/);
  });

  test("that holds still, whatever the weather, is never told", () => {
    const b = bench();
    for (let h = 0; h < 60 * 24; h++) {
      read(b, 1.04 + 0.01 * Math.sin(h * 7.3), 20 + 15 * Math.sin((2 * Math.PI * h) / 24) + 5 * Math.sin(h / 100));
      b.clock.advance(hour);
    }
    expect(b.steps()).toEqual([]);
  });
});
