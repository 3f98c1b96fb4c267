import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { asFractions, boxOf, trackOf } from "../../drivers/throw-view/fractions.ts";
import { type Frame, throwDraft } from "../../drivers/throw-view/throw-report.ts";
import { bodySchemas } from "../../gateway/domain/observation.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
if (nightly) vi.setConfig({ testTimeout: 30 * 60_000 });

const units = ["px", "8192", "10000", "onvif", "fraction"] as const;
const frame: fc.Arbitrary<Frame> = fc.record({
  width: fc.integer({ min: 1, max: 16_384 }),
  height: fc.integer({ min: 1, max: 16_384 }),
  unit: fc.constantFrom(...units),
});
const part = fc.double({ min: 0, max: 1, noNaN: true });
const place = fc.record({ x: part, y: part });

/** The way back, written apart from the code under test. */
function inFrame({ width, height, unit }: Frame, { x, y }: { x: number; y: number }): { x: number; y: number } {
  if (unit === "onvif") return { x: 2 * x - 1, y: 1 - 2 * y };
  const steps = { px: [width, height], 8192: [8192, 8192], 10000: [10_000, 10_000], fraction: [1, 1] }[unit];
  return { x: x * (steps[0] ?? 1), y: y * (steps[1] ?? 1) };
}

test("a place given in any frame is the same place as a fraction", () => {
  fc.assert(
    fc.property(frame, place, (frame, place) => {
      const back = asFractions(frame, inFrame(frame, place));
      expect(back.x).toBeCloseTo(place.x, 9);
      expect(back.y).toBeCloseTo(place.y, 9);
    }),
    { numRuns },
  );
});

test("a box is the same whichever two opposite corners name it", () => {
  fc.assert(
    fc.property(frame, place, place, (frame, a, b) => {
      const [p, q] = [inFrame(frame, a), inFrame(frame, b)];
      const boxes = [
        { x1: p.x, y1: p.y, x2: q.x, y2: q.y },
        { x1: q.x, y1: q.y, x2: p.x, y2: p.y },
        { x1: p.x, y1: q.y, x2: q.x, y2: p.y },
        { x1: q.x, y1: p.y, x2: p.x, y2: q.y },
      ].map((box) => boxOf({ frame, box }));
      for (const box of boxes) expect(box).toEqual(boxes[0]);
      const [box] = boxes;
      if (box === undefined) return;
      expect(box.x1).toBeLessThanOrEqual(box.x2);
      expect(box.y1).toBeLessThanOrEqual(box.y2);
    }),
    { numRuns },
  );
});

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, 1e308, Number.MAX_SAFE_INTEGER, Number.NaN),
);
const report = fc.record(
  {
    delivery: fc.constantFrom("live", "late", "manual"),
    occurredAtMs: anyNumber,
    startedAtMs: anyNumber,
    endedAtMs: anyNumber,
    confidence: anyNumber,
    frame: fc.record({ width: anyNumber, height: anyNumber, unit: fc.constantFrom(...units) }),
    box: fc.record({ x1: anyNumber, y1: anyNumber, x2: anyNumber, y2: anyNumber }),
    track: fc.array(fc.record({ atMs: anyNumber, x: anyNumber, y: anyNumber }), { maxLength: 700 }),
    place: fc.record({ building: fc.string(), unit: fc.string(), floor: anyNumber }, { requiredKeys: [] }),
    region: fc.string(),
    sourceRecordId: fc.string(),
    dedupKey: fc.string(),
  },
  { requiredKeys: ["delivery"] },
);

test("whatever numbers a camera tells, the draft is one that the log takes, and all its places are fractions", () => {
  fc.assert(
    fc.property(report, (report) => {
      const draft = throwDraft(report, undefined);
      const { box, track } = bodySchemas["throw.detected"].parse(draft.body);
      const coordinates = [box?.x1, box?.y1, box?.x2, box?.y2, ...(track?.points ?? []).flatMap(({ x, y }) => [x, y])];
      for (const value of coordinates) if (value !== undefined) expect(value >= 0 && value <= 1).toBe(true);
      if (draft.occurredAtMs !== undefined) expect(() => new Date(draft.occurredAtMs ?? 0).toISOString()).not.toThrow();
    }),
    { numRuns },
  );
});

test("a track keeps both its ends and the order of time, however long it is", () => {
  const points = fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 100_000 }), x: part, y: part }), {
    minLength: 1,
    maxLength: 2000,
    size: "max",
  });
  fc.assert(
    fc.property(points, (track) => {
      const kept = trackOf({ frame: { width: 1, height: 1, unit: "fraction" }, track })?.points ?? [];
      const times = track.map(({ atMs }) => atMs);
      const ms = kept.map((point) => point.ms);
      expect(kept.length).toBe(Math.min(512, track.length));
      expect(ms).toEqual(ms.toSorted((a, b) => a - b));
      expect(ms[0]).toBe(0);
      expect(ms.at(-1)).toBe(Math.max(...times) - Math.min(...times));
    }),
    { numRuns: 100 },
  );
});
