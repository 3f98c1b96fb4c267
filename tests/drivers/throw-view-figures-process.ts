import { writeFileSync } from "node:fs";
import { viewProfileSchema } from "../../drivers/throw-view/view-profile.ts";
import { seeded } from "../../simulators/random.ts";
import { originOf, throwFrom } from "./throw-view-scene.ts";

/**
 * The figures of docs/throw-physics.md: `node tests/drivers/throw-view-figures-process.ts` prints its tables and draws its
 * picture. Seeded: the same every time.
 */
const things = {
  "flower pot": 50,
  brick: 48,
  apple: 38,
  "full bottle, egg": 33,
  "glass bottle, battery": 27,
  knife: 26,
  "rubbish bag": 24,
  "takeaway box": 19,
  "tissue ball": 6.5,
  "cigarette butt": 6.4,
  "empty bottle": 6.2,
  shirt: 3.7,
  leaf: 1.7,
  "plastic bag": 1.3,
};
const throwsEach = 6;
const calibrations = [0, 0.02, 0.05, 0.1];

interface Row {
  readonly thing: string;
  readonly floor: number;
  readonly calibration: number;
  readonly told: "floor" | "at least" | "nothing";
  readonly error: number;
  readonly covered: boolean;
  readonly width: number;
}

function measure(thing: string, terminal: number, floor: number, calibration: number, random: () => number): Row {
  const { mounting, seen } = throwFrom({ floor, terminal, calibration }, random);
  const { distance, height, tilt, verticalFov } = mounting;
  // The profile says how well it was measured.
  const accuracy = { scale: Math.max(0.01, calibration), tilt: calibration > 0 ? 0.5 : 0.1 };
  const origin = originOf(seen, viewProfileSchema.parse({ camera: { distance, height, tilt, verticalFov }, accuracy }));
  const common = { thing, floor, calibration };
  const { floorLow: low, floorHigh: high } = origin ?? {};
  if (origin?.method !== "trajectory") return { ...common, told: "nothing", error: 0, covered: false, width: 0 };
  if (origin.floor === undefined || low === undefined || high === undefined)
    return { ...common, told: "at least", error: 0, covered: (low ?? 99) <= floor, width: 0 };
  const covered = low <= floor && floor <= high;
  return { ...common, told: "floor", error: origin.floor - floor, covered, width: high - low + 1 };
}

const random = seeded(2026);
const rows = calibrations.flatMap((calibration) =>
  Object.entries(things).flatMap(([thing, terminal]) =>
    Array.from({ length: 28 * throwsEach }, (_, i) => measure(thing, terminal, 3 + (i % 28), calibration, random)),
  ),
);

const percent = (part: number, whole: number) => (whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`);
function line(name: string, some: readonly Row[]): string {
  const told = some.filter((row) => row.told === "floor");
  const least = some.filter((row) => row.told === "at least");
  const near = (by: number) => percent(told.filter(({ error }) => Math.abs(error) <= by).length, told.length);
  const width = told.reduce((sum, row) => sum + row.width, 0) / Math.max(1, told.length);
  const cells = [
    name,
    percent(told.length, some.length),
    near(0),
    near(1),
    percent(told.filter(({ covered }) => covered).length, told.length),
    told.length === 0 ? "–" : width.toFixed(1),
    percent(least.length, some.length),
    percent(least.filter(({ covered }) => covered).length, least.length),
  ];
  return `| ${cells.join(" | ")} |`;
}

const usual = rows.filter(({ calibration }) => calibration === 0.05);
const dense = (row: Row) => things[row.thing as keyof typeof things] > 11;
const print = (text: string) => process.stdout.write(`${text}\n`);
for (const thing of Object.keys(things))
  print(
    line(
      thing,
      usual.filter((row) => row.thing === thing),
    ),
  );
print("");
for (const [from, to] of [
  [3, 8],
  [9, 14],
  [15, 20],
  [21, 25],
  [26, 30],
] as const)
  print(
    line(
      `${from}–${to}`,
      usual.filter((row) => dense(row) && row.floor >= from && row.floor <= to),
    ),
  );
print("");
for (const calibration of calibrations)
  print(
    line(
      `${100 * calibration} %`,
      rows.filter((row) => dense(row) && row.calibration === calibration),
    ),
  );

/** Error in floors over the floor: the middle, and where nine of ten lie. */
function picture(): string {
  const [width, height, left, top] = [720, 320, 46, 20];
  const x = (floor: number) => left + ((floor - 3) / 27) * (width - left - 16);
  const y = (error: number) => top + ((4 - error) / 8) * (height - top - 40);
  const errors = (floor: number) =>
    usual
      .filter((row) => dense(row) && row.told === "floor" && row.floor === floor)
      .map(({ error }) => error)
      .sort((a, b) => a - b);
  const dots: string[] = [];
  for (let floor = 3; floor <= 30; floor += 1) {
    const all = errors(floor);
    for (let error = -4; error <= 4; error += 1) {
      const share = all.filter((each) => each === error).length / Math.max(1, all.length);
      const size = (10 * Math.sqrt(share)).toFixed(1);
      if (share > 0) dots.push(`<circle cx="${x(floor).toFixed(1)}" cy="${y(error).toFixed(1)}" r="${size}"/>`);
    }
  }
  const text = (px: number, py: number, words: string, anchor = "middle") =>
    `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
  const grid = [-4, -3, -2, -1, 0, 1, 2, 3, 4].flatMap((error) => [
    `<path d="M${left} ${y(error)}H${width - 16}"/>`,
    text(left - 8, y(error) + 4, error > 0 ? `+${error}` : String(error), "end"),
  ]);
  const floors = [3, 6, 9, 12, 15, 18, 21, 24, 27, 30].map((floor) => text(x(floor), height - 18, String(floor)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>Error of the floor of origin by the floor it was thrown from</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<rect x="${left}" y="${y(1)}" width="${width - left - 16}" height="${y(-1) - y(1)}" fill="#e8f2ea"/>
<g stroke="#ccc" fill="none">${grid.filter((each) => each.startsWith("<path")).join("")}</g>
<g fill="#444">${[...grid.filter((each) => each.startsWith("<text")), ...floors].join("")}
${text((left + width) / 2, height - 2, "floor thrown from; area of a dot: share of the throws; y: estimated minus true floor")}</g>
<g fill="#2b6cb0" fill-opacity="0.85">${dots.join("")}</g>
</svg>
`;
}

writeFileSync(new URL("../../docs/images/throw-accuracy.svg", import.meta.url), picture());
