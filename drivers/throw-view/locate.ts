import type { ThrowOrigin } from "../../gateway/domain/observation.ts";
import { type FallFit, fitFall } from "./fall-fit.ts";
import type { Box, Place, Track } from "./fractions.ts";
import { floorByLines, projectionOf } from "./projection.ts";
import { storeyAbove, storeyAt, storeyOfRelease } from "./storeys.ts";
import type { Region, ViewProfile } from "./view-profile.ts";

/** What is known of a throw that tells its place. */
export interface Sighting {
  readonly box: Box | undefined;
  readonly track: Track | undefined;
  readonly place: { readonly building?: string; readonly unit?: string; readonly floor?: number } | undefined;
  /** The camera's own name or number of the region. */
  readonly region: string | undefined;
}

type Floors = Pick<ThrowOrigin, "floor" | "floorLow" | "floorHigh" | "heightM" | "heightSigmaM">;

/**
 * Where it came from; absent where nothing is known of that. Building and unit: by the camera, else by the profile's region.
 * The floor: by the camera, else by a falling body fitted to the track, else by the region and its floor lines.
 */
export function locate(sighting: Sighting, view: ViewProfile | undefined): ThrowOrigin | undefined {
  const { place } = sighting;
  const region = view === undefined ? undefined : regionOf(sighting, view);
  const building = place?.building || region?.building;
  const unit = place?.unit || region?.unit;
  const where = { ...(building ? { building } : {}), ...(unit ? { unit } : {}) };

  const floor = place?.floor;
  if (floor !== undefined && Number.isSafeInteger(floor) && floor !== 0) return { ...where, floor, method: "device" };
  if (view !== undefined && seesFacade(region, view)) {
    const fitted = floorsOfFall(sighting.track, view, region);
    if (fitted !== undefined) return { ...where, ...fitted, method: "trajectory" };
    const floors = floorsOfRegion(sighting, view, region);
    if (floors !== undefined) return { ...where, ...floors, method: "region" };
  }
  if (!building && !unit) return undefined;
  return { ...where, method: place?.building || place?.unit ? "device" : "region" };
}

/** By the camera's own name of it; else the first whose polygon holds the first point of the track, or the middle of the box. */
function regionOf(sighting: Sighting, { regions }: ViewProfile): Region | undefined {
  const named = sighting.region?.trim().toLowerCase();
  const byName = named === undefined ? undefined : regions.find(({ rule }) => rule?.toLowerCase() === named);
  if (byName !== undefined) return byName;
  const point = pointOf(sighting);
  if (point === undefined) return undefined;
  return regions.find(({ polygon }) => polygon !== undefined && holds(polygon, point));
}

function pointOf({ track, box }: Sighting): Place | undefined {
  const first = track?.points[0];
  if (first !== undefined) return first;
  return box === undefined ? undefined : { x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 };
}

/** Where facades are drawn, what begins beside them is no throw from them. */
function seesFacade(region: Region | undefined, { regions }: ViewProfile): boolean {
  return region !== undefined || regions.every(({ polygon }) => polygon === undefined);
}

/** Absent where the track is too short or of no falling body, and where the mounting is not known. */
function floorsOfFall(track: Track | undefined, view: ViewProfile, region: Region | undefined): Floors | undefined {
  const projection = projectionOf(view, region);
  if (track === undefined || projection === undefined) return undefined;
  const { picture, accuracy, facade } = view;
  const { width, height, unit } = track.frame;
  const fit: FallFit = fitFall(
    track.points,
    projection,
    {
      y: accuracy.pixels / picture.rows,
      milliseconds: accuracy.milliseconds,
      scale: accuracy.scale,
      shift: (accuracy.tilt * Math.PI) / 180,
    },
    unit === "px" ? width / height : picture.columns / picture.rows,
  );
  switch (fit.kind) {
    case "none":
      return undefined;
    case "at-least": {
      const { floors } = facade;
      return { floorLow: storeyOfRelease(fit.lowM, facade), ...(floors === undefined ? {} : { floorHigh: floors }) };
    }
    case "height":
      return {
        floor: storeyOfRelease(fit.heightM, facade),
        floorLow: storeyOfRelease(fit.lowM, facade),
        floorHigh: storeyOfRelease(fit.highM, facade),
        heightM: rounded(fit.heightM),
        heightSigmaM: rounded(fit.sigmaM),
      };
  }
}

/**
 * The floor that the profile gives to the region; else the one whose picture holds the first point. That point is up to a
 * storey below the release. The middle of a box is somewhere on the way down: the floor there is the lowest possible one.
 */
function floorsOfRegion(sighting: Sighting, view: ViewProfile, region: Region | undefined): Floors | undefined {
  const onTheWay = sighting.track === undefined && sighting.box !== undefined;
  if (region?.floor !== undefined) return onTheWay ? { floorLow: region.floor } : { floor: region.floor };
  const known = region?.floors;
  const point = pointOf(sighting);
  const seen = point === undefined ? undefined : floorAt(point.y, view, region);
  if (seen === undefined) {
    if (known === undefined) return undefined;
    return onTheWay ? { floorLow: known.from } : { floorLow: known.from, floorHigh: known.to };
  }
  if (known !== undefined && (seen < known.from || seen > known.to))
    return { floorLow: known.from, floorHigh: known.to };
  if (onTheWay) return { floorLow: seen };
  const above = Math.min(storeyAbove(seen, view.facade), known?.to ?? Number.POSITIVE_INFINITY);
  return { floor: seen, floorLow: seen, floorHigh: Math.max(seen, above) };
}

function floorAt(y: number, view: ViewProfile, region: Region | undefined): number | undefined {
  const projection = projectionOf(view, region);
  if (projection !== undefined) {
    const height = projection.height(y);
    return height === undefined ? undefined : storeyAt(height, view.facade);
  }
  const lines = region !== undefined && region.floorLines.length > 0 ? region.floorLines : view.floorLines;
  return floorByLines(y, lines);
}

/** By the number of sides that a ray to the right crosses. */
function holds(polygon: readonly (readonly [number, number])[], { x, y }: Place): boolean {
  let inside = false;
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length] ?? [x1, y1];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  });
  return inside;
}

function rounded(metres: number): number {
  return Math.round(Math.max(0, metres) * 100) / 100;
}
