import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { fitFall } from "../../drivers/throw-view/fall-fit.ts";
import { projectionOf } from "../../drivers/throw-view/projection.ts";
import { throwDraft } from "../../drivers/throw-view/throw-report.ts";
import { type ViewProfile, viewProfileSchema } from "../../drivers/throw-view/view-profile.ts";
import { bodySchemas, type ThrowOrigin } from "../../gateway/domain/observation.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
if (nightly) vi.setConfig({ testTimeout: 30 * 60_000 });

const part = fc.double({ min: 0, max: 1, noNaN: true });
const anything = fc.array(fc.record({ ms: fc.double({ min: 0, max: 60_000, noNaN: true }), x: part, y: part }), {
  maxLength: 40,
});
/** What nearly falls, in m and m/s, so that the search begins at all. */
const motion = fc.record({
  from: fc.double({ min: 10, max: 90, noNaN: true }),
  speed: fc.double({ min: -4, max: 15, noNaN: true }),
  pull: fc.oneof(fc.double({ min: -3, max: 25, noNaN: true }), fc.double({ min: 7, max: 11, noNaN: true })),
  every: fc.integer({ min: 20, max: 90 }),
  noise: fc.array(fc.double({ min: -0.01, max: 0.01, noNaN: true }), { minLength: 12, maxLength: 40 }),
});
const likelyMounting = fc.record({
  distance: fc.double({ min: 15, max: 60, noNaN: true }),
  tilt: fc.double({ min: 15, max: 45, noNaN: true }),
  verticalFov: fc.double({ min: 50, max: 100, noNaN: true }),
});

const mounting = fc.record({
  distance: fc.double({ min: 1, max: 500, noNaN: true }),
  height: fc.double({ min: 0, max: 100, noNaN: true }),
  tilt: fc.double({ min: -30, max: 89, noNaN: true }),
  verticalFov: fc.double({ min: 2, max: 120, noNaN: true }),
});
const lines = fc
  .uniqueArray(fc.tuple(fc.integer({ min: -3, max: 60 }), part), {
    minLength: 2,
    maxLength: 6,
    selector: ([floor]) => floor,
  })
  .map((marks) => {
    const floors = marks.map(([floor]) => (floor === 0 ? 61 : floor)).sort((a, b) => a - b);
    const places = marks.map(([, y]) => y).sort((a, b) => b - a);
    return floors.map((floor, i) => ({ floor, y: places[i] ?? 0 }));
  });
const facade = fc.record({
  groundFloor: fc.double({ min: 2, max: 20, noNaN: true }),
  storey: fc.double({ min: 2, max: 10, noNaN: true }),
  skipped: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
});
const profile = fc.record(
  {
    camera: mounting,
    facade,
    floorLines: lines,
    regions: fc.constant([{ building: "3", floors: { from: 2, to: 5 } }]),
  },
  { requiredKeys: [] },
);

test("whatever is drawn and measured, and whatever points come, an origin is one that the log takes, its floors in order", () => {
  const view = profile.map((value) => viewProfileSchema.safeParse({ ...value, regions: [] }).data);
  fc.assert(
    fc.property(view, anything, (view, points) => {
      if (view === undefined) return;
      expectSound(view, points);
    }),
    { numRuns },
  );
});

test("so it is for what falls or nearly falls, of which some is given a release", () => {
  const search = { all: 0, found: 0 };
  fc.assert(
    fc.property(likelyMounting, motion, fc.boolean(), (camera, { from, speed, pull, every, noise }, clean) => {
      const view = viewProfileSchema.parse({ camera, facade: { floors: 40 } });
      const projection = projectionOf(view);
      const points = noise.map((off, i) => {
        const s = (i * every) / 1000;
        const y = projection?.y(from - speed * s - (pull * s * s) / 2) ?? 2;
        return { ms: i * every, x: 0.5, y: y + off * (clean ? 0.1 : 1) };
      });
      search.all += 1;
      if (expectSound(view, points)?.method === "trajectory") search.found += 1;
    }),
    { numRuns: nightly ? 10_000 : 300 },
  );
  expect(search.found / search.all).toBeGreaterThan(0.03);
});

/** The origin of such a track, after a look at whether it can be one. */
function expectSound(
  view: ViewProfile,
  points: readonly { ms: number; x: number; y: number }[],
): ThrowOrigin | undefined {
  const frame = { width: 1, height: 1, unit: "fraction" } as const;
  const track = points.map(({ ms, x, y }) => ({ atMs: 1e12 + ms, x, y }));
  const { body } = throwDraft({ delivery: "live", frame, track }, view);
  const { origin } = bodySchemas["throw.detected"].parse(body);
  const { floorLow = -99, floor = floorLow, floorHigh = 999 } = origin ?? {};
  expect(floor === -99 || (floorLow <= floor && floor <= floorHigh)).toBe(true);
  if (origin?.heightM !== undefined) expect(origin.heightSigmaM).toBeGreaterThan(0);
  for (const each of [origin?.floor, origin?.floorLow, origin?.floorHigh]) expect(each).not.toBe(0);
  return origin;
}

test("heights on a facade and places in the picture turn into each other, and what is higher is higher in the picture", () => {
  const projection = fc
    .oneof(
      fc.record({ camera: mounting }),
      fc.record({ floorLines: lines }),
      fc.record({ camera: mounting, floorLines: lines }),
    )
    .map((value) => viewProfileSchema.safeParse(value).data)
    .map((view) => (view === undefined ? undefined : projectionOf(view)));
  fc.assert(
    fc.property(projection, part, part, (projection, a, b) => {
      const [one, other] = [projection?.height(a), projection?.height(b)];
      if (projection === undefined || one === undefined || other === undefined) return;
      if (Math.abs(one) < 1000) expect(projection.y(one)).toBeCloseTo(a, 4);
      if (Math.abs(a - b) > 1e-6) expect(one > other).toBe(a < b);
    }),
    { numRuns },
  );
});

test("a track of many points takes no longer than one of as many as are looked at", () => {
  const projection = projectionOf(viewProfileSchema.parse({ camera: { distance: 30, tilt: 25, verticalFov: 60 } }));
  if (projection === undefined) throw new Error("the mounting is not known");
  const accuracy = { y: 0.0013, milliseconds: 10, scale: 0.05, shift: 0.009 };
  const points = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      const s = (2 * i) / count;
      return { ms: 1000 * s, x: 0.5, y: projection.y(30 - 2 * s - 4.5 * s * s) ?? 0 };
    });
  const took = (count: number) => {
    const track = points(count);
    const times = Array.from({ length: 5 }, () => {
      const started = process.hrtime.bigint();
      expect(fitFall(track, projection, accuracy, 1.7).kind).toBe("height");
      return Number(process.hrtime.bigint() - started);
    });
    return Math.min(...times);
  };
  took(60);
  expect(took(100_000)).toBeLessThan(took(60) * 8);
});
