import { type ThrowReport, throwDraft } from "../../drivers/throw-view/throw-report.ts";
import type { ViewProfile } from "../../drivers/throw-view/view-profile.ts";
import type { BodyOf, ThrowOrigin } from "../../gateway/domain/observation.ts";
import { between, gaussian, type Random } from "../../simulators/random.ts";
import { flight } from "../../simulators/throw-camera/flight.ts";
import { type Mounting, type Seen, watch } from "../../simulators/throw-camera/sight.ts";

/** Two cameras before one house: one for the lower floors, one for the upper ones. */
export const lower: Mounting = {
  distance: 30,
  height: 3,
  tilt: 25,
  verticalFov: 60,
  rows: 1520,
  columns: 2592,
  framesPerSecond: 25,
};
export const upper: Mounting = { ...lower, distance: 40, tilt: 42, verticalFov: 50 };

export interface Scene {
  readonly floor: number;
  /** Terminal speed, m/s. */
  readonly terminal: number;
  /** Standard deviation of what the profile says of the distance, as a part of it. */
  readonly calibration: number;
}

/** A throw from a window of storeys of 3 m as a camera sees it: the profile's mounting, and what the camera really saw. */
export function throwFrom(
  { floor, terminal, calibration }: Scene,
  random: Random,
): { mounting: Mounting; seen: Seen[] } {
  const mounting = floor <= 12 ? lower : upper;
  // What is light cannot be thrown fast.
  const force = Math.min(1, terminal / 20);
  const speed = between(random, 0, 8) * force;
  const angle = between(random, -1, 1);
  const fall = flight({
    height: 3 * (floor - 1) + between(random, 0.8, 1.4),
    along: between(random, -5, 5),
    terminal,
    velocity: { out: speed * Math.cos(angle), along: speed * Math.sin(angle), up: between(random, -2, 3) * force },
    wind: { along: between(random, -3, 3), out: 0, up: 0 },
  });
  const real = {
    ...mounting,
    distance: mounting.distance * (1 + calibration * gaussian(random)),
    tilt: mounting.tilt + (calibration > 0 ? 0.3 * gaussian(random) : 0),
  };
  const weakness = {
    noisePx: between(random, 1, 3),
    jitterMs: 20,
    missing: 0.15,
    firstSeenBelow: between(random, 0.5, 3),
  };
  return { mounting, seen: watch(fall, real, weakness, random) };
}

/** A track as a dialect would report it. */
export function reportOf(seen: readonly { ms: number; x: number; y: number }[]): ThrowReport {
  const frame = { width: lower.columns, height: lower.rows, unit: "px" } as const;
  return { delivery: "live", frame, track: seen.map(({ ms, x, y }) => ({ atMs: 1.8e12 + ms, x, y })) };
}

export function originOf(
  seen: readonly { ms: number; x: number; y: number }[],
  view: ViewProfile,
): ThrowOrigin | undefined {
  const { body } = throwDraft(reportOf(seen), view);
  return (body as BodyOf<"throw.detected">).origin;
}
