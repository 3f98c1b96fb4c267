import { describe, expect, it } from "vitest";
import { compensated, gaugeAt } from "./cylinder.ts";
import { ceilingJet, type Fire, type Growth, heatRelease, ThermalElement } from "./fire.ts";
import { ExtinguisherUnit, ovenRates, statusBits } from "./unit.ts";

function secondsTo(celsius: number, rti: number, fire: Fire): number {
  const element = new ThermalElement(rti, 20);
  for (let t = 0; t < 1000; t += 0.1) {
    const jet = ceilingJet(heatRelease(fire, t), fire.ceilingM, fire.radiusM);
    element.advance(0.1, 20 + jet.riseK, jet.speed);
    if (element.celsius >= celsius) return t;
  }
  return Number.POSITIVE_INFINITY;
}

describe("a fire under a ceiling", () => {
  // Independent table: growth, H, r, seconds until 54 °C and 58 °C at RTI 20 and 68 °C at RTI 40 and 120.
  it.each([
    ["slow", 3, 2.5, 286, 309, 381, 448],
    ["medium", 3, 2.5, 153, 164, 208, 263],
    ["fast", 3, 2.5, 85, 91, 119, 160],
    ["ultrafast", 3, 2.5, 50, 53, 71, 99],
    ["fast", 2.6, 1.5, 64, 67, 89, 122],
    ["ultrafast", 2.6, 1.5, 38, 40, 54, 76],
    ["fast", 6, 3.5, 148, 159, 199, 246],
  ] as const)(
    "%s at %s m and %s m warms a detector as calculated elsewhere",
    (name, ceilingM, radiusM, sensor54, sensor58, bulb40, bulb120) => {
      const expected = [sensor54, sensor58, bulb40, bulb120];
      const fire = { growth: name satisfies Growth, ceilingM, radiusM, peakKw: 5000 };
      const found = [
        secondsTo(54, 20, fire),
        secondsTo(58, 20, fire),
        secondsTo(68, 40, fire),
        secondsTo(68, 120, fire),
      ];
      found.forEach((seconds, at) => {
        const wanted: number = expected[at] ?? 0;
        expect(Math.abs(seconds - wanted)).toBeLessThan(1.5 + wanted * 0.01);
      });
    },
  );

  it("reaches a megawatt when its class says", () => {
    expect(heatRelease({ growth: "fast", ceilingM: 3, radiusM: 1 }, 150)).toBeCloseTo(1055, -1);
    expect(heatRelease({ growth: "medium", ceilingM: 3, radiusM: 1 }, 300)).toBeCloseTo(1055, -1);
  });
});

describe("the pressure of a cylinder", () => {
  it.each([
    [1.0, [0.85, 0.925, 1.075, 1.18]],
    [1.2, [1.022, 1.111, 1.289, 1.413]],
    [1.6, [1.368, 1.484, 1.716, 1.879]],
  ] as const)("filled to %s MPa follows the temperature", (at20, gauges) => {
    [-20, 0, 40, 68].forEach((celsius, at) => {
      expect(Math.abs(gaugeAt(at20, celsius) - (gauges[at] ?? 0))).toBeLessThanOrEqual(0.001);
      expect(compensated(gaugeAt(at20, celsius), celsius)).toBeCloseTo(at20, 9);
    });
  });
});

describe("an extinguisher", () => {
  it("warms, breaks its bulb, empties within 14 s and puts the fire out", () => {
    const unit = new ExtinguisherUnit({ ambientC: 20 });
    let dischargedAt = Number.NaN;
    let now = 0;
    unit.onDischarge = () => {
      dischargedAt = now;
    };
    unit.ignite({ growth: "ultrafast", ceilingM: 2.6, radiusM: 1.5 });
    for (; now < 70 && !unit.discharged; now += 0.5) unit.advanceTo(now);
    expect(dischargedAt).toBeGreaterThan(54);
    expect(dischargedAt).toBeLessThan(60);
    expect(unit.registers()[2] & statusBits.discharged).toBe(statusBits.discharged);
    const hottest = unit.temperatureC;
    for (; now < dischargedAt + 14; now += 0.5) unit.advanceTo(now);
    expect(unit.pressureMpa).toBeLessThan(0.15);
    for (; now < dischargedAt + 240; now += 0.5) unit.advanceTo(now);
    expect(unit.temperatureC).toBeLessThan(hottest - 40);
  });

  it("says low pressure for a leak and not for a cold night", () => {
    const cold = new ExtinguisherUnit({ ambientC: -20, chargeMpa: 1.14 });
    expect(cold.pressureMpa).toBeLessThan(1.0);
    expect(cold.registers()[2]).toBe(0);
    const leaking = new ExtinguisherUnit({ ambientC: 55, chargeMpa: 1.2 });
    leaking.leak(0.3);
    expect(leaking.pressureMpa).toBeGreaterThan(1.0);
    expect(leaking.registers()[2]).toBe(statusBits.lowPressure);
  });

  it("writes frost as two's complement", () => {
    const [temperature] = new ExtinguisherUnit({ ambientC: -20 }).registers();
    expect(temperature).toBeGreaterThan(0xffff - 206);
    expect(temperature).toBeLessThan(0xffff - 194);
  });
});

describe("an extinguisher in the test oven", () => {
  // EN 54-5 table 4, class A1, from 25 °C, min:s; 0.2 K/min has no limit there.
  const limits = new Map([
    [1, [29 * 60, 40 * 60 + 20]],
    [3, [7 * 60 + 13, 13 * 60 + 40]],
    [5, [4 * 60 + 9, 8 * 60 + 20]],
    [10, [60, 4 * 60 + 20]],
    [20, [30, 2 * 60 + 20]],
    [30, [20, 60 + 40]],
  ]);

  it.each(ovenRates)("at %s K/min passes 58 °C when a class A1 detector has to answer", (rate) => {
    const unit = new ExtinguisherUnit({ ambientC: 25, bulbC: 200 });
    unit.bake(rate, 90);
    let now = 0;
    for (; unit.temperatureC < 58; now += 1) unit.advanceTo(now);
    const [earliest = (33 / rate) * 60, latest = (34 / rate) * 60 + 60] = limits.get(rate) ?? [];
    expect(now).toBeGreaterThan(earliest);
    expect(now).toBeLessThan(latest);
  });

  it("says what a sensor says that has lost its power, and no more than that", () => {
    const unit = new ExtinguisherUnit({ ambientC: 25 });
    unit.sensorSays = 85;
    expect(unit.registers()[0]).toBe(850);
    unit.sensorSays = undefined;
    expect(unit.registers()[0]).toBeLessThan(300);
  });
});
