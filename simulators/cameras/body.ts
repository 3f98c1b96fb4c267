import { fallenMetres, releaseHeight, type Thing, terminalSpeed } from "../throw-camera/falling.ts";

/** A facade as a fixed camera sees it: so many metres of it from the foot to the top of the picture. */
export interface Facade {
  readonly width: number;
  readonly height: number;
  readonly metres: number;
}

export interface Sight {
  /** After the release, ms. */
  readonly ms: number;
  /** Pixels: left, top, right, bottom; y downwards. */
  readonly box: readonly [number, number, number, number];
}

/** Where a falling thing is in the picture, frame by frame, from the first frame that shows it to the ground. */
export function sights(thing: Thing, floor: number, facade: Facade, fps: number, column: number): Sight[] {
  const height = releaseHeight(floor);
  const pixels = facade.height / facade.metres;
  const size = Math.max(4, Math.round(0.5 * pixels));
  const seen: Sight[] = [];
  for (let frame = 0; ; frame++) {
    const ms = Math.round((frame * 1000) / fps);
    const above = height - fallenMetres(ms / 1000, terminalSpeed[thing]);
    if (above <= 0) return seen;
    const y = Math.round(facade.height - above * pixels);
    if (y < 0) continue;
    const x = Math.round(column * facade.width);
    seen.push({ ms, box: [x, y, x + size, Math.min(facade.height, y + size)] });
  }
}
