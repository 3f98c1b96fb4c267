import { heightOf } from "./storeys.ts";
import type { FloorLine, Region, ViewProfile } from "./view-profile.ts";

/** How heights on a facade appear in the picture; heights in m above the ground, y 0 at the top of the picture and 1 at its foot. */
export interface Projection {
  /** Absent for a y that shows the sky: no height of the facade is there. */
  height(y: number): number | undefined;
  /** Absent for a height that is behind the camera. */
  y(height: number): number | undefined;
  /** Of the lens, m; as far as it is known. */
  readonly cameraHeight: number;
  /** To the foot of the facade, m; as far as it is known. */
  readonly distance: number;
}

/** What a mounting is taken for where only lines were drawn: it matters for what flies out from the facade, and little. */
const usual = { distance: 30, height: 3 };
const rad = Math.PI / 180;

/**
 * The picture's y as a function of the height on a plane facade: a lens without distortion, no roll, looking straight at
 * it. By three floor lines or more; else by distance and two lines; else by distance, tilt and field of view. Absent where
 * too little is known. See docs/throw-physics.md.
 */
export function projectionOf(view: ViewProfile, region?: Region): Projection | undefined {
  const lines = region !== undefined && region.floorLines.length > 0 ? region.floorLines : view.floorLines;
  const marks = lines.map(({ floor, y }) => ({ y, height: heightOf(floor, view.facade) }));
  const cameraHeight = view.camera?.height ?? usual.height;
  const distance = region?.distance ?? view.camera?.distance;
  const place = { cameraHeight, distance: distance ?? usual.distance };
  const [lowest, highest] = [marks[0], marks.at(-1)];
  if (marks.length >= 3) return byLines(marks, place);
  if (distance === undefined) return undefined;
  if (marks.length === 2 && lowest !== undefined && highest !== undefined) return byTwoLines(lowest, highest, place);
  const { tilt, verticalFov } = view.camera ?? {};
  if (tilt === undefined || verticalFov === undefined) return undefined;
  return byLens(Math.tan(tilt * rad), 0.5 / Math.tan((verticalFov * rad) / 2), place);
}

/** The floor lines between which a y lies, without any knowledge of perspective. Absent below the lowest line. */
export function floorByLines(y: number, lines: readonly FloorLine[]): number | undefined {
  const below = lines.filter((line) => line.y >= y).sort((a, b) => b.floor - a.floor)[0];
  const above = lines.filter((line) => line.y < y).sort((a, b) => a.floor - b.floor)[0];
  if (below === undefined) return undefined;
  if (above === undefined) return below.floor;
  const storeys = above.floor - below.floor;
  const part = (below.y - y) / (below.y - above.y);
  const floor = below.floor + Math.min(storeys - 1, Math.floor(part * storeys));
  return floor === 0 ? 1 : floor;
}

type Seat = Pick<Projection, "cameraHeight" | "distance">;
interface Mark {
  readonly y: number;
  readonly height: number;
}

/** `slope` = tan(tilt), `focal` in heights of the picture: y = ½ − f·tan(θ − α), tan θ = (z − h)/D. */
function byLens(slope: number, focal: number, seat: Seat): Projection {
  const { cameraHeight, distance } = seat;
  return {
    ...seat,
    y(height) {
      const rise = (height - cameraHeight) / distance;
      const depth = 1 + rise * slope;
      return depth <= 1e-3 ? undefined : 0.5 - (focal * (rise - slope)) / depth;
    },
    height(y) {
      const off = (0.5 - y) / focal;
      const depth = 1 - off * slope;
      const rise = depth <= 1e-3 ? Number.NaN : (off + slope) / depth;
      return 1 + rise * slope > 1e-3 ? cameraHeight + distance * rise : undefined;
    },
  };
}

/** Tilt and focal length from two marks: a quadratic equation in tan α; of its roots the one of a real lens that looks level or up. */
function byTwoLines(a: Mark, b: Mark, seat: Seat): Projection | undefined {
  const [oa, ob] = [0.5 - a.y, 0.5 - b.y];
  const [pa, pb] = [(a.height - seat.cameraHeight) / seat.distance, (b.height - seat.cameraHeight) / seat.distance];
  const [square, linear, constant] = [ob * pb - oa * pa, (pa * pb - 1) * (oa - ob), oa * pb - ob * pa];
  const roots =
    Math.abs(square) < 1e-12
      ? [-constant / linear]
      : [1, -1].map((sign) => (-linear + sign * Math.sqrt(linear ** 2 - 4 * square * constant)) / (2 * square));
  return roots
    .map((slope) => {
      const focal =
        Math.abs(oa) > Math.abs(ob) ? (oa * (1 + pa * slope)) / (pa - slope) : (ob * (1 + pb * slope)) / (pb - slope);
      return { slope, focal };
    })
    .filter(({ slope, focal }) => slope > -0.6 && slope < 30 && focal > 0.2 && focal < 30)
    .filter(({ slope }) => 1 + pa * slope > 0 && 1 + pb * slope > 0)
    .sort((one, other) => Math.abs(one.slope) - Math.abs(other.slope))
    .map(({ slope, focal }) => byLens(slope, focal, seat))[0];
}

/**
 * A plane seen by a lens is y = (a·z + b)/(c·z + 1) whatever distance, tilt and focal length are: least squares over the
 * marks of (a·z + b − c·z·y − y)².
 */
function byLines(marks: readonly Mark[], seat: Seat): Projection | undefined {
  const unit = Math.max(...marks.map(({ height }) => Math.abs(height)), 1);
  const rows = marks.map(({ y, height }): [number, number, number, number] => {
    const z = height / unit;
    return [z, 1, -z * y, y];
  });
  const found = leastSquares(rows);
  if (found === undefined) return undefined;
  const [a, b, c] = found;
  // The picture turns over where the denominator changes its sign, and y must fall with the height.
  if (a - b * c >= 0 || marks.some(({ height }) => (c * height) / unit + 1 <= 0)) return undefined;
  return {
    ...seat,
    y(height) {
      const depth = (c * height) / unit + 1;
      return depth <= 1e-3 ? undefined : ((a * height) / unit + b) / depth;
    },
    height(y) {
      const depth = c * y - a;
      const z = depth <= 1e-9 ? Number.NaN : (b - y) / depth;
      return c * z + 1 > 1e-3 ? unit * z : undefined;
    },
  };
}

/** Three unknowns from rows [p, q, r, right side], by Cramer's rule on the normal equations. */
function leastSquares(rows: readonly [number, number, number, number][]): [number, number, number] | undefined {
  const sum = (i: number, j: number) => rows.reduce((total, row) => total + (row[i] ?? 0) * (row[j] ?? 0), 0);
  const column = (j: number): [number, number, number] => [sum(0, j), sum(1, j), sum(2, j)];
  const [p, q, r, right] = [column(0), column(1), column(2), column(3)];
  const all = determinant(p, q, r);
  if (!(Math.abs(all) > 1e-15)) return undefined;
  return [determinant(right, q, r) / all, determinant(p, right, r) / all, determinant(p, q, right) / all];
}

function determinant(p: readonly number[], q: readonly number[], r: readonly number[]): number {
  const [p0 = 0, p1 = 0, p2 = 0] = p;
  const [q0 = 0, q1 = 0, q2 = 0] = q;
  const [r0 = 0, r1 = 0, r2 = 0] = r;
  return p0 * (q1 * r2 - q2 * r1) - q0 * (p1 * r2 - p2 * r1) + r0 * (p1 * q2 - p2 * q1);
}
