import { expect, test } from "vitest";
import { throwDraft } from "../../drivers/throw-view/throw-report.ts";

const px = { width: 1920, height: 1080, unit: "px" } as const;
const box = (frame: typeof px | { width: number; height: number; unit: "onvif" | "8192" }, corners: number[]) => {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners;
  const { body } = throwDraft({ delivery: "live", frame, box: { x1, y1, x2, y2 } }, undefined);
  return "box" in body ? body.box : undefined;
};

test("a box in pixels is told as fractions, with the picture's size", () => {
  expect(box(px, [480, 270, 960, 540])).toEqual({ x1: 0.25, y1: 0.25, x2: 0.5, y2: 0.5, frame: px });
});

test("a box of an ONVIF camera is turned, since its y points up", () => {
  const frame = { width: 1920, height: 1080, unit: "onvif" } as const;
  expect(box(frame, [-0.5, 0.5, 0, 0])).toEqual({ x1: 0.25, y1: 0.25, x2: 0.5, y2: 0.5, frame });
});

test("a grid of 8192 steps is a grid whatever the picture's size is", () => {
  const frame = { width: 1920, height: 1080, unit: "8192" } as const;
  expect(box(frame, [2048, 4096, 8192, 8192])).toEqual({ x1: 0.25, y1: 0.5, x2: 1, y2: 1, frame });
});

test.each([
  ["of zeros, as cameras send that have none", [0, 0, 0, 0]],
  ["beside the picture", [2000, 100, 2100, 200]],
  ["in pixels of a larger picture", [480, 270, 3840, 540]],
  ["of no numbers", [Number.NaN, 1, 2, 3]],
])("a box %s is no box", (_, corners) => {
  expect(box(px, corners)).toBeUndefined();
});

test("what a tracker overshoots the border by is taken for the border", () => {
  expect(box(px, [-5, 0, 960, 1085])).toEqual({ x1: 0, y1: 0, x2: 0.5, y2: 1, frame: px });
});

test("points beside the picture are left out, and the rest is told from the first one that was seen", () => {
  const track = [
    { atMs: 5040, x: 960, y: 540 },
    { atMs: 5000, x: 960, y: 108 },
    { atMs: 4960, x: 960, y: -300 },
  ];
  const { body } = throwDraft({ delivery: "live", frame: px, track }, undefined);
  expect(body).toMatchObject({
    track: {
      points: [
        { ms: 0, x: 0.5, y: 0.1 },
        { ms: 40, x: 0.5, y: 0.5 },
      ],
      frame: px,
    },
  });
});

test("points at no time of this world are left out", () => {
  const at = (atMs: number) => ({ atMs, x: 960, y: 540 });
  const track = [at(1e308), at(5000), at(-1e308), at(Number.NaN)];
  const { body } = throwDraft({ delivery: "live", frame: px, track }, undefined);
  expect(body).toMatchObject({ track: { points: [{ ms: 0, x: 0.5, y: 0.5 }] } });
});

test("what the camera says of the place is kept as its word", () => {
  const place = { building: "3", floor: 12 };
  const { body } = throwDraft({ delivery: "live", place }, undefined);
  expect(body).toMatchObject({ origin: { building: "3", floor: 12, method: "device" } });
});

test("a confidence of 255 and a floor of 0 are not passed on", () => {
  const report = { delivery: "live", confidence: 255, place: { floor: 0 }, startedAtMs: Number.NaN } as const;
  expect(throwDraft(report, undefined).body).toEqual({ delivery: "live" });
});
