import { z } from "zod";

const fraction = z.number().min(0).max(1);
const floor = z
  .number()
  .int()
  .refine((value) => value !== 0, "expected a storey as people count it: 1 is the ground floor, -1 the basement")
  .describe("Storey as people count it there: ground floor 1, basement -1.");

const floorLines = z
  .array(
    z.strictObject({
      floor,
      y: fraction.describe("Where the bottom of that storey is in the picture: 0 at its top, 1 at its foot."),
    }),
  )
  .max(100)
  .superRefine((lines, context) => {
    const sorted = lines.map((line, at) => ({ ...line, at })).sort((a, b) => a.floor - b.floor);
    sorted.forEach((line, i) => {
      const below = sorted[i - 1];
      if (below === undefined || (line.floor > below.floor && line.y < below.y)) return;
      const message =
        line.floor === below.floor
          ? `expected one line for floor ${line.floor}`
          : `expected less than ${below.y}, since floor ${below.floor} is there and this one above it`;
      context.addIssue({ code: "custom", path: [line.at, line.floor === below.floor ? "floor" : "y"], message });
    });
  })
  .default([])
  .describe(
    "Marked in the picture: what the floor of a throw is read from. Three or more make up for an unknown mounting.",
  );

const distance = z.number().min(1).max(500).describe("From the camera to the foot of the facade, over the ground, m.");

const regionSchema = z
  .strictObject({
    rule: z.string().min(1).optional().describe("Name or number of the camera's own rule or region, as it reports it."),
    polygon: z
      .array(z.tuple([fraction, fraction]))
      .min(3)
      .max(64)
      .optional()
      .describe("Corners [x, y] as fractions of the picture, from its upper left corner."),
    building: z.string().min(1).max(64).optional(),
    unit: z.string().min(1).max(64).optional(),
    floor: floor.optional(),
    floors: z.strictObject({ from: floor, to: floor }).optional().describe("Where the region spans several storeys."),
    distance: distance.optional().describe("Where this facade is at another distance than `camera` says, m."),
    floorLines: floorLines.describe("Where this facade has lines of its own."),
  })
  .superRefine((region, context) => {
    const fail = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const { rule, polygon, building, unit, floors, floorLines } = region;
    if (rule === undefined && polygon === undefined) fail("polygon", "expected a polygon, or a rule of the camera");
    if (polygon !== undefined && areaOf(polygon) < 1e-6) fail("polygon", "expected corners that enclose an area");
    if (building === undefined && unit === undefined && region.floor === undefined && floors === undefined) {
      if (floorLines.length === 0) fail("building", "expected what is there: a building, a unit or a floor");
    }
    if (region.floor !== undefined && floors !== undefined) fail("floors", "expected either floor or floors");
    if (floors !== undefined && floors.from > floors.to) fail("floors", "expected `from` not above `to`");
  });

/**
 * What one mounted camera sees: which part of its picture is which building, unit and floor, and how it is mounted. All of
 * it is optional; what is not known is not told. What it accepts it gives out in the same form, so that it may be parsed again.
 */
export const viewProfileSchema = z
  .strictObject({
    picture: z
      .strictObject({ rows: z.number().int().min(100).max(20_000), columns: z.number().int().min(100).max(20_000) })
      .prefault({ rows: 1520, columns: 2592 })
      .describe("Its size in pixels: how fine a place in it can be."),
    camera: z
      .strictObject({
        distance,
        height: z.number().min(0).max(100).default(3).describe("Of the lens above the foot of the facade, m."),
        tilt: z.number().min(-30).max(89).optional().describe("How far it looks above the horizontal, degrees."),
        verticalFov: z
          .number()
          .min(2)
          .max(120)
          .optional()
          .describe("Angle between the upper and the lower border of the picture, degrees."),
      })
      .optional(),
    facade: z
      .strictObject({
        groundFloor: z.number().min(2).max(20).default(3).describe("Height of the ground floor, m."),
        storey: z.number().min(2).max(10).default(3).describe("Height of each storey above it, m."),
        floors: z.number().int().min(1).max(200).optional().describe("Number of the top floor."),
        skipped: z.array(floor).max(50).default([]).describe("Numbers that the house has not, such as 4, 13 and 14."),
      })
      .prefault({}),
    floorLines,
    regions: z.array(regionSchema).max(100).default([]),
    accuracy: z
      .strictObject({
        scale: z.number().min(0).max(0.5).default(0.05).describe("Of the distance, as a part of it: 0.05 is 5 %."),
        tilt: z.number().min(0).max(10).default(0.5).describe("Of the tilt, degrees."),
        pixels: z.number().min(0.2).max(50).default(2).describe("Of a point of a track, pixels."),
        milliseconds: z.number().min(0).max(500).default(10).describe("Of the time of a point, ms."),
      })
      .prefault({})
      .describe("How well it is known, as standard deviations: they make the floors between which an origin lies."),
  })
  .superRefine(({ camera, floorLines, regions }, context) => {
    const alone = camera?.tilt === undefined || camera.verticalFov === undefined;
    if (
      camera !== undefined &&
      alone &&
      floorLines.length < 2 &&
      regions.every((region) => region.floorLines.length < 2)
    ) {
      const path = ["camera", camera.tilt === undefined ? "tilt" : "verticalFov"];
      context.addIssue({ code: "custom", path, message: "expected tilt and verticalFov, or two floorLines" });
    }
    regions.forEach(({ rule }, i) => {
      const other = rule === undefined ? -1 : regions.findIndex((region) => region.rule === rule);
      if (other !== -1 && other !== i) {
        context.addIssue({ code: "custom", path: ["regions", i, "rule"], message: `expected one region ${rule}` });
      }
    });
  });

export type ViewProfile = z.output<typeof viewProfileSchema>;
export type Region = ViewProfile["regions"][number];
export type FloorLine = ViewProfile["floorLines"][number];

/** By the shoelace formula. */
function areaOf(polygon: readonly (readonly [number, number])[]): number {
  const twice = polygon.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = polygon[(i + 1) % polygon.length] ?? [x, y];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(twice) / 2;
}
