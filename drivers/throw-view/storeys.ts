import type { ViewProfile } from "./view-profile.ts";

type Facade = ViewProfile["facade"];

/** Height above its storey's floor at which a thing leaves a hand: a sill or a railing, m. */
const sill = 1.1;

/** Height of the bottom of a storey above the ground, m; of a number that the house has not, where it would be. */
export function heightOf(floor: number, facade: Facade): number {
  const { groundFloor, storey, skipped } = facade;
  if (floor < 1) return floor * storey;
  const below = floor - 1 - new Set(skipped.filter((number) => number >= 1 && number < floor)).size;
  return below <= 0 ? 0 : groundFloor + (below - 1) * storey;
}

/** The storey in which a height lies, m above the ground. Below the ground it is the ground floor; above the house the top one. */
export function storeyAt(height: number, facade: Facade): number {
  const { groundFloor, storey, skipped, floors } = facade;
  let left = height < groundFloor ? 0 : 1 + Math.floor((height - groundFloor) / storey + 1e-9);
  let floor = 1;
  for (const missing = new Set(skipped); floor < 1000; floor += 1) {
    if (missing.has(floor)) continue;
    if (left === 0) break;
    left -= 1;
  }
  return floors === undefined ? floor : Math.min(floor, floors);
}

/** The storey from which a thing was released at a height: the one whose sills are nearest. */
export function storeyOfRelease(height: number, facade: Facade): number {
  return storeyAt(height - sill + facade.storey / 2, facade);
}

/** The next storey up; the top one above itself. */
export function storeyAbove(floor: number, facade: Facade): number {
  return storeyAt(heightOf(floor, facade) + (floor === 1 ? facade.groundFloor : facade.storey), facade);
}
