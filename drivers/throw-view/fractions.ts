import type { z } from "zod";
import { type BodyOf, frameSchema } from "../../gateway/domain/observation.ts";

export type Frame = z.infer<typeof frameSchema>;
type Throw = BodyOf<"throw.detected">;
export type Box = NonNullable<Throw["box"]>;
export type Track = NonNullable<Throw["track"]>;

/** A place in the picture: 0–1 from the left and from the top. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Where a camera saw something, in its own coordinates. */
export interface Seen {
  /** Needed for `box` and `track`. For the grids 8192 and 10000 and for fractions, width and height are not used. */
  readonly frame?: Frame;
  /** Corners in the frame's own unit and direction, in any order. */
  readonly box?: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** Points in the frame's own unit, with epoch ms. */
  readonly track?: readonly { readonly atMs: number; readonly x: number; readonly y: number }[];
}

/** How far outside of the picture a place may lie and still be meant to lie on its border: what trackers overshoot by. */
const overshoot = 0.02;
/** What is kept of a track: the bound of the observation's schema. */
const mostPoints = 512;
/** What is looked at of a track; a longer one is a mistake of the camera. */
const mostRead = 20_000;

/** A place in the camera's own frame as fractions of the picture, wherever it lies; the inverse of `inFrame`. */
export function asFractions({ width, height, unit }: Frame, { x, y }: Place): Place {
  switch (unit) {
    case "px":
      return { x: x / width, y: y / height };
    case "8192":
      return { x: x / 8192, y: y / 8192 };
    case "10000":
      return { x: x / 10_000, y: y / 10_000 };
    // ONVIF Analytics Service, Spatial Relation: −1…1 to the right and upwards.
    case "onvif":
      return { x: (x + 1) / 2, y: (1 - y) / 2 };
    case "fraction":
      return { x, y };
  }
}

/** The box as fractions, corners in order. Absent where it is no box of this picture: outside, empty, or no numbers. */
export function boxOf({ box, frame }: Seen): Box | undefined {
  if (box === undefined || frame === undefined || !frameSchema.safeParse(frame).success) return undefined;
  const one = within(asFractions(frame, { x: box.x1, y: box.y1 }));
  const other = within(asFractions(frame, { x: box.x2, y: box.y2 }));
  if (one === undefined || other === undefined) return undefined;
  const [x1, x2] = [Math.min(one.x, other.x), Math.max(one.x, other.x)];
  const [y1, y2] = [Math.min(one.y, other.y), Math.max(one.y, other.y)];
  // Cameras without a box send one of zeros.
  return x1 === x2 && y1 === y2 ? undefined : { x1, y1, x2, y2, frame };
}

/**
 * The points that lie in the picture, in order of their time; at most 512, thinned evenly, both ends kept. Absent where none
 * is left.
 */
export function trackOf({ track, frame }: Seen): Track | undefined {
  if (track === undefined || frame === undefined || !frameSchema.safeParse(frame).success) return undefined;
  const seen: { atMs: number; x: number; y: number }[] = [];
  for (const { atMs, ...point } of track.slice(0, mostRead)) {
    const place = isInstant(atMs) ? within(asFractions(frame, point)) : undefined;
    if (place !== undefined) seen.push({ atMs, ...place });
  }
  seen.sort((a, b) => a.atMs - b.atMs);
  const first = seen[0];
  if (first === undefined) return undefined;
  const points = thinned(seen, mostPoints).map(({ atMs, x, y }) => ({ ms: atMs - first.atMs, x, y }));
  return { points, frame };
}

/** Epoch ms of the years 1970 to 9999: what a time in the log can be. */
export function isInstant(ms: number): boolean {
  return ms >= 0 && ms < 253_402_300_800_000;
}

/** Clamped where it lies beside the picture by no more than trackers overshoot, else absent. */
function within({ x, y }: Place): Place | undefined {
  const near = (value: number) => value >= -overshoot && value <= 1 + overshoot;
  const clamped = (value: number) => Math.min(1, Math.max(0, value));
  return near(x) && near(y) ? { x: clamped(x), y: clamped(y) } : undefined;
}

/** Every nth of them, so that at most `most` remain; first and last are among them. */
export function thinned<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  const step = (all.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => all[Math.round(i * step)]).filter((each) => each !== undefined);
}
