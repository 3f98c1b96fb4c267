import { describe, expect, test } from "vitest";
import { fitFall } from "../../drivers/throw-view/fall-fit.ts";
import { fallen } from "../../drivers/throw-view/falling-body.ts";
import { type Projection, projectionOf } from "../../drivers/throw-view/projection.ts";
import { type ViewProfile, viewProfileSchema } from "../../drivers/throw-view/view-profile.ts";
import { between, seeded } from "../../simulators/random.ts";
import { flight } from "../../simulators/throw-camera/flight.ts";
import { inPicture, type Mounting, watch } from "../../simulators/throw-camera/sight.ts";
import { lower, originOf, throwFrom, upper } from "./throw-view-scene.ts";

/** Terminal speeds, m/s, of what falls as a body. */
const things = [
  ["a brick", 48],
  ["a flower pot", 50],
  ["a full bottle", 33],
  ["an apple", 38],
  ["a glass bottle", 27],
  ["a rubbish bag", 24],
  ["a takeaway box", 19],
] as const;

const viewOf = ({ distance, height, tilt, verticalFov }: Mounting, more: object = {}): ViewProfile =>
  viewProfileSchema.parse({ camera: { distance, height, tilt, verticalFov }, ...more });

function figures(throws: number, calibration: number, more: object = {}) {
  const random = seeded(20_261_124);
  const counts = { located: 0, near: 0, covered: 0 };
  for (let i = 0; i < throws; i += 1) {
    const floor = 3 + Math.floor(random() * 28);
    const [, terminal] = things[i % things.length] ?? things[0];
    const { mounting, seen } = throwFrom({ floor, terminal, calibration }, random);
    const origin = originOf(seen, viewOf(mounting, more));
    if (origin?.floor === undefined) continue;
    counts.located += 1;
    if (Math.abs(origin.floor - floor) <= 1) counts.near += 1;
    if ((origin.floorLow ?? 99) <= floor && floor <= (origin.floorHigh ?? 0)) counts.covered += 1;
  }
  const { located, near, covered } = counts;
  return { located: located / throws, near: near / located, covered: covered / located };
}

test.each([
  [48, [1.36, 2.53, 3.45, 4.57]],
  [33, [1.37, 2.59, 3.59, 4.88]],
  [19, [1.41, 2.81, 4.13, 6.03]],
  [6.2, [1.89, 5.29, 9.17, 15.0]],
])("a body of terminal speed %s m/s falls 9, 30, 54 and 90 m in the time of the table", (terminal, seconds) => {
  [9, 30, 54, 90].forEach((metres, i) => {
    const slope = Math.max(0.4, fallen(seconds[i] ?? 0, 0, terminal) - fallen((seconds[i] ?? 0) - 0.06, 0, terminal));
    expect(Math.abs(fallen(seconds[i] ?? 0, 0, terminal) - metres)).toBeLessThan(slope);
  });
});

test("the closed form falls as the simulator's integration does, thrown down and thrown up", () => {
  for (const terminal of [6.2, 24, 48]) {
    for (const up of [-3, -1, 0, 2, 4]) {
      const fall = flight({ height: 80, terminal, velocity: { along: 0, out: 0, up } });
      for (const seconds of [0.1, 0.5, 1, 2, 3]) {
        expect(fallen(seconds, -up, terminal)).toBeCloseTo(80 - fall.at(seconds).up, 1);
      }
    }
  }
});

describe("a thing thrown from floors 3 to 30 before a camera whose distance is known to 5 %, with jitter, gaps and noise", () => {
  test("is told to within one floor, and the floors between which it lies hold it nine times out of ten", () => {
    const { located, near, covered } = figures(210, 0.05);
    expect(located).toBeGreaterThan(0.93);
    expect(near).toBeGreaterThan(0.9);
    expect(covered).toBeGreaterThan(0.9);
  });

  test("would not be, if the profile claimed that the mounting were known exactly", () => {
    const { covered } = figures(140, 0.05, { accuracy: { scale: 0.001, tilt: 0.01 } });
    expect(covered).toBeLessThan(0.88);
  });

  test("would not be, if the picture were taken for a flat one", () => {
    const random = seeded(20_261_124);
    let [fitted, covered] = [0, 0];
    for (let i = 0; i < 70; i += 1) {
      const floor = 3 + Math.floor(random() * 28);
      const [, terminal] = things[i % things.length] ?? things[0];
      const { mounting, seen } = throwFrom({ floor, terminal, calibration: 0.05 }, random);
      const projection = flattened(projectionOf(viewOf(mounting)));
      const points = seen.map(({ ms, x, y }) => ({ ms, x: x / mounting.columns, y: y / mounting.rows }));
      const accuracy = { y: 2 / mounting.rows, milliseconds: 10, scale: 0.05, shift: 0.0087 };
      const fit = fitFall(points, projection, accuracy, mounting.columns / mounting.rows);
      if (fit.kind !== "height") continue;
      fitted += 1;
      const height = 3 * (floor - 1) + 1.1;
      if (fit.lowM - 1.5 <= height && height <= fit.highM + 1.5) covered += 1;
    }
    expect(covered / Math.max(1, fitted)).toBeLessThan(0.4);
  });
});

/** Floors at even distances in the picture, right at floor 3 and at floor 30. */
function flattened(projection: Projection | undefined): Projection {
  const [low, high] = [6, 87];
  const [yLow = 1, yHigh = 0] = [projection?.y(low), projection?.y(high)];
  return {
    cameraHeight: 3,
    distance: 30,
    y: (height) => yLow + ((yHigh - yLow) * (height - low)) / (high - low),
    height: (y) => low + ((high - low) * (y - yLow)) / (yHigh - yLow),
  };
}

test("two floor lines and the distance, or four floor lines alone, tell the same floor as the measured mounting", () => {
  const random = seeded(5);
  const { seen } = throwFrom({ floor: 20, terminal: 33, calibration: 0 }, random);
  const lineAt = (floor: number) => {
    const place = inPicture(upper, { along: 0, out: 0, up: 3 * (floor - 1) });
    return { floor, y: (place?.y ?? 0) / upper.rows };
  };
  const views = [
    viewOf(upper),
    viewProfileSchema.parse({ camera: { distance: 40, height: 3 }, floorLines: [9, 25].map(lineAt) }),
    viewProfileSchema.parse({ floorLines: [9, 14, 19, 25].map(lineAt) }),
  ];
  for (const view of views) {
    const origin = originOf(seen, view);
    expect(origin?.method).toBe("trajectory");
    expect(Math.abs((origin?.floor ?? 0) - 20)).toBeLessThanOrEqual(1);
    expect(origin?.floorLow).toBeLessThanOrEqual(20);
    expect(origin?.floorHigh).toBeGreaterThanOrEqual(20);
  }
});

test.each([
  ["an empty bottle", 6.2],
  ["a cigarette butt", 6.4],
  ["a tissue", 6.5],
])("%s floats: only that it came from where it was first seen, or from above, is told", (_, terminal) => {
  const random = seeded(11);
  for (let i = 0; i < 8; i += 1) {
    const floor = 5 + 3 * i;
    const { mounting, seen } = throwFrom({ floor, terminal, calibration: 0 }, random);
    const origin = originOf(seen, viewOf(mounting, { facade: { floors: 33 } }));
    expect(origin).toEqual({ floorLow: expect.any(Number), floorHigh: 33, method: "trajectory" });
    expect(origin?.floorLow).toBeLessThanOrEqual(floor);
    expect(origin?.floorLow).toBeGreaterThanOrEqual(floor - 3);
  }
});

test("what comes into the picture from above it is followed back beyond its border", () => {
  const fall = flight({ height: 60, terminal: 40, velocity: { along: 0, out: 1, up: 0 } });
  const narrow = { ...lower, tilt: 20 };
  const seen = watch(fall, narrow, { noisePx: 1, firstSeenBelow: 0 }, seeded(3));
  const origin = originOf(seen, viewOf(narrow));
  const shown = projectionOf(viewOf(narrow))?.height(0) ?? 0;
  expect(shown).toBeLessThan(50);
  expect(origin?.heightM).toBeGreaterThan(shown + 5);
  expect(origin?.floorLow).toBeLessThanOrEqual(20);
  expect(origin?.floorHigh).toBeGreaterThanOrEqual(20);
});

/** Points in the picture of a path on the facade, 25 a second, one pixel of noise. */
function path(seconds: number, place: (seconds: number) => { along: number; up: number }, seed = 1) {
  const random = seeded(seed);
  return Array.from({ length: Math.round(seconds * 25) }, (_, i) => {
    const point = inPicture(lower, { out: 0, ...place(i / 25) }) ?? { x: -1, y: -1 };
    return {
      ms: i * 40,
      x: Math.round(point.x + between(random, -1, 1)),
      y: Math.round(point.y + between(random, -1, 1)),
    };
  });
}

test.each([
  ["a bird that dives aslant", path(2, (s) => ({ along: -8 + 9 * s, up: 30 - 6 * s }))],
  ["a bird that dives and climbs", path(2.4, (s) => ({ along: s, up: 20 + 8 * Math.cos(2.6 * s) }))],
  ["a bird that dives at a steady 13 m/s", path(1.8, (s) => ({ along: 1 + s, up: 30 - 13 * s }))],
  ["fireworks", path(1.5, (s) => ({ along: 0, up: 5 + 18 * s }))],
  ["rain at the upper border", path(2.5, (s) => ({ along: 2, up: 46 - 6.5 * s }))],
  ["a lift outside the wall", path(4, (s) => ({ along: 2, up: 30 - 2.5 * s }))],
  ["laundry in the wind", path(4, (s) => ({ along: Math.sin(4 * s), up: 20 + 0.4 * Math.cos(5 * s) }))],
  ["a window cleaner", path(8, (s) => ({ along: 0, up: 25 - 0.3 * s }))],
  ["a reflection", path(0.4, () => ({ along: 0, up: 20 }))],
  ["a thing that speeds up at three times gravity", path(1.2, (s) => ({ along: 0, up: 35 - 14.7 * s * s - 2 * s }))],
  ["a thing that speeds up at half of gravity", path(2, (s) => ({ along: 0, up: 35 - 2.45 * s * s - 3 * s }))],
  ["an insect near the lens", path(0.3, (s) => ({ along: 40 * s, up: 30 - 60 * s }))],
])("%s tells no height of a release", (_, seen) => {
  const origin = originOf(seen, viewOf(lower));
  expect(origin?.heightM).toBeUndefined();
  expect(origin?.floorHigh === undefined || origin.method === "region").toBe(true);
});
