import { gaussian } from "../random.ts";
import type { Flight, Position } from "./flight.ts";

/** A camera on a mast before a facade: a lens without distortion, no roll, looking straight at the facade and up. */
export interface Mounting {
  /** From the foot of the facade, m. */
  readonly distance: number;
  /** Of the lens above the ground, m. */
  readonly height: number;
  /** Degrees above the horizontal. */
  readonly tilt: number;
  /** Degrees from the lower to the upper border of the picture. */
  readonly verticalFov: number;
  readonly rows: number;
  readonly columns: number;
  readonly framesPerSecond: number;
}

/** How the camera's software sees badly. */
export interface Weakness {
  /** Standard deviation of a point, px. */
  readonly noisePx?: number;
  /** The stamped time differs from the true one by up to so much, ms, evenly. */
  readonly jitterMs?: number;
  /** Part of the frames in which it does not see the body. */
  readonly missing?: number;
  /** It sees the body once it has fallen so far below the release, m. */
  readonly firstSeenBelow?: number;
}

/** A point of a track: px from the upper left corner, ms after the release. */
export interface Seen {
  readonly ms: number;
  readonly x: number;
  readonly y: number;
}

/** Where a place is in the picture, px; absent where it is behind the camera. */
export function inPicture(camera: Mounting, { along, out, up }: Position): { x: number; y: number } | undefined {
  const tilt = (camera.tilt * Math.PI) / 180;
  const focal = camera.rows / 2 / Math.tan((camera.verticalFov * Math.PI) / 360);
  const ahead = camera.distance - out;
  const above = up - camera.height;
  const depth = ahead * Math.cos(tilt) + above * Math.sin(tilt);
  if (depth <= 0.1) return undefined;
  const rise = above * Math.cos(tilt) - ahead * Math.sin(tilt);
  return { x: camera.columns / 2 + (focal * along) / depth, y: camera.rows / 2 - (focal * rise) / depth };
}

/** The track that the camera makes of a flight: whole pixels, in order; empty where the body passes outside of the picture. */
export function watch(fall: Flight, camera: Mounting, weakness: Weakness, random: () => number): Seen[] {
  const { noisePx = 0, jitterMs = 0, missing = 0, firstSeenBelow = 0 } = weakness;
  const released = fall.at(0).up;
  const track: Seen[] = [];
  let seeing = false;
  const phase = random();
  for (let frame = phase; ; frame += 1) {
    const seconds = frame / camera.framesPerSecond;
    if (seconds > fall.seconds) break;
    const place = fall.at(seconds);
    seeing ||= released - place.up >= firstSeenBelow;
    if (!seeing || random() < missing) continue;
    const point = inPicture(camera, place);
    if (point === undefined) continue;
    const x = Math.round(point.x + noisePx * gaussian(random));
    const y = Math.round(point.y + noisePx * gaussian(random));
    if (x < 0 || y < 0 || x > camera.columns || y > camera.rows) continue;
    track.push({ ms: seconds * 1000 + jitterMs * (2 * random() - 1), x, y });
  }
  return track;
}
