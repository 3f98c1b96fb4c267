import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadProfile } from "../../config/profiles.ts";
import { type ThrowReport, throwDraft } from "../../drivers/throw-view/throw-report.ts";
import { type ViewProfile, viewProfileSchema } from "../../drivers/throw-view/view-profile.ts";

const frame = { width: 1, height: 1, unit: "fraction" } as const;

function origin(view: ViewProfile, report: Partial<ThrowReport>) {
  const { body } = throwDraft({ delivery: "live", frame, ...report }, view);
  return "origin" in body ? body.origin : undefined;
}

const at = (x: number, y: number) => ({ track: [{ atMs: 1000, x, y }] });

describe("a picture with two units and lines at three floors", () => {
  const view = viewProfileSchema.parse({
    facade: { floors: 12 },
    floorLines: [
      { floor: 2, y: 0.9 },
      { floor: 6, y: 0.5 },
      { floor: 12, y: 0.1 },
    ],
    regions: [
      {
        building: "3",
        unit: "1",
        polygon: [
          [0, 0],
          [0.5, 0],
          [0.5, 1],
          [0, 1],
        ],
      },
      {
        rule: "East",
        building: "3",
        unit: "2",
        polygon: [
          [0.5, 0],
          [1, 0],
          [1, 1],
          [0.5, 1],
        ],
      },
    ],
  });

  test("a throw is first seen at a floor, and comes from it or from the one above", () => {
    expect(origin(view, at(0.2, 0.45))).toEqual({
      building: "3",
      unit: "1",
      floor: 6,
      floorLow: 6,
      floorHigh: 7,
      method: "region",
    });
  });

  test("above the top floor there is none", () => {
    expect(origin(view, at(0.7, 0.08))).toMatchObject({ unit: "2", floor: 12, floorLow: 12, floorHigh: 12 });
  });

  test("a box alone shows the body on its way down: the floor there is the lowest that it can be", () => {
    const box = { x1: 0.6, y1: 0.4, x2: 0.7, y2: 0.5 };
    expect(origin(view, { box })).toEqual({ building: "3", unit: "2", floorLow: 6, method: "region" });
  });

  test("the camera's own name of a rule places it, however it is spelt", () => {
    expect(origin(view, { region: " EAST " })).toEqual({ building: "3", unit: "2", method: "region" });
  });

  test("the floor that the camera itself tells stands, and the region adds the unit", () => {
    const told = origin(view, { ...at(0.2, 0.45), place: { floor: 9 } });
    expect(told).toEqual({ building: "3", unit: "1", floor: 9, method: "device" });
  });

  test("beside all regions nothing is told", () => {
    const left = viewProfileSchema.parse({ ...view, regions: view.regions.slice(0, 1) });
    expect(origin(left, at(0.7, 0.5))).toBeUndefined();
  });
});

test("numbers that the house skips are not counted", () => {
  const view = viewProfileSchema.parse({
    camera: { distance: 30, height: 3, tilt: 25, verticalFov: 60 },
    facade: { groundFloor: 5, storey: 3, skipped: [4, 13, 14] },
  });
  // 14.5 m up are the ground floor and three storeys and a half: floors 1, 2, 3, 5, 6.
  const tan = (14.5 - 3) / 30;
  const slope = Math.tan((25 * Math.PI) / 180);
  const y = 0.5 - (0.5 / Math.tan(Math.PI / 6)) * ((tan - slope) / (1 + tan * slope));
  expect(origin(view, at(0.5, y))).toMatchObject({ floor: 6, floorHigh: 7 });
});

test("two lines without a known mounting place the floors between them evenly", () => {
  const view = viewProfileSchema.parse({
    floorLines: [
      { floor: 3, y: 0.8 },
      { floor: 7, y: 0.4 },
    ],
  });
  expect(origin(view, at(0.5, 0.65))).toMatchObject({ floor: 4, floorHigh: 5, method: "region" });
  expect(origin(view, at(0.5, 0.9))).toBeUndefined();
});

test("without a profile a track is kept, and its place is not told", () => {
  const { body } = throwDraft({ delivery: "live", frame, ...at(0.5, 0.5) }, undefined);
  expect(body).not.toHaveProperty("origin");
});

test("the example profile is one, and the same when it is read again", () => {
  const loaded = loadProfile("throw-view-example", ".", viewProfileSchema);
  expect(loaded).toMatchObject({ ok: true });
  if (loaded.ok) expect(viewProfileSchema.parse(loaded.value)).toEqual(loaded.value);
});

test.each([
  [
    "a line above another that is lower",
    "floorLines:\n  - { floor: 2, y: 0.5 }\n  - { floor: 9, y: 0.7 }",
    3,
    "floorLines[1].y",
  ],
  [
    "a polygon without an area",
    "regions:\n  - { building: A, polygon: [[0, 0], [1, 1], [0.5, 0.5]] }",
    2,
    "regions[0].polygon",
  ],
  ["a mounting that leaves the angle open", "camera: { distance: 30, tilt: 40 }", 1, "camera.verticalFov"],
  ["floor 0", "regions:\n  - { rule: r, floor: 0 }", 2, "regions[0].floor"],
  ["a region of nothing", "regions:\n  - { rule: r }", 2, "regions[0].building"],
])("%s is a mistake at its place in the file", (_, text, line, path) => {
  const folder = mkdtempSync(join(tmpdir(), "zhian-view-"));
  try {
    writeFileSync(join(folder, "view.yaml"), text);
    const result = loadProfile("./view.yaml", folder, viewProfileSchema);
    expect(result.ok ? [] : result.mistakes).toMatchObject([{ line, path }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
