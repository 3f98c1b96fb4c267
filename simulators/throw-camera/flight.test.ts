import { describe, expect, it } from "vitest";
import { seeded } from "../random.ts";
import { fallenMetres } from "./falling.ts";
import { flight } from "./flight.ts";
import { inPicture, type Mounting, watch } from "./sight.ts";

const still = { along: 0, out: 0, up: 0 };
const camera: Mounting = {
  distance: 30,
  height: 0,
  tilt: 0,
  verticalFov: 90,
  rows: 1000,
  columns: 2000,
  framesPerSecond: 25,
};

describe("a flight", () => {
  it.each([6.2, 24, 48])("straight down is the closed form, with a terminal speed of %s m/s", (terminal) => {
    const fall = flight({ height: 90, terminal });
    for (const seconds of [0.3, 1, 2, 3, 4]) {
      expect(90 - fall.at(seconds).up).toBeCloseTo(fallenMetres(seconds, terminal), 2);
    }
  });

  it("of what is light drifts with the wind, and of what is heavy little", () => {
    const wind = { along: 3, out: 0, up: 0 };
    const drift = (terminal: number) => flight({ height: 30, terminal, wind }).at(3).along;
    expect(drift(1.3)).toBeGreaterThan(7.5);
    expect(drift(48)).toBeLessThan(0.6);
  });

  it("ends on the ground and never goes through the wall", () => {
    const fall = flight({ height: 10, terminal: 30, velocity: { ...still, out: -5 } });
    expect(fall.at(1).out).toBe(0);
    expect(fall.at(fall.seconds + 5).up).toBeLessThanOrEqual(0);
  });
});

describe("a camera", () => {
  it("sees what is level with it in the middle, and 45° up at the border of a picture of 90°", () => {
    expect(inPicture(camera, { along: 0, out: 0, up: 0 })).toEqual({ x: 1000, y: 500 });
    expect(inPicture(camera, { along: 0, out: 0, up: 30 })?.y).toBeCloseTo(0, 9);
    expect(inPicture(camera, { along: 15, out: 15, up: 0 })?.x).toBeCloseTo(1500, 9);
    expect(inPicture(camera, { along: 0, out: 31, up: 0 })).toBeUndefined();
  });

  it("makes a track of its frames: late by what it does not see at first, with gaps where it loses sight", () => {
    const fall = flight({ height: 29, terminal: 40 });
    const all = watch(fall, camera, {}, seeded(1));
    const late = watch(fall, camera, { firstSeenBelow: 3, missing: 0.3 }, seeded(1));
    expect(all.length).toBeCloseTo(fall.seconds * 25, -1);
    expect(late[0]?.ms).toBeGreaterThan(750);
    expect(late.length).toBeLessThan(all.length * 0.7);
    expect(all.every(({ y }, i) => y >= (all[i - 1]?.y ?? 0))).toBe(true);
  });
});
