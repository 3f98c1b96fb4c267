import type { Bilingual } from "../domain/alarm.ts";
import type { ThrowOrigin } from "../domain/observation.ts";

/** Where a throw came from, by all the reports of it. */
export interface Origin {
  readonly building?: string;
  readonly unit?: string;
  readonly floorLow?: number;
  readonly floorHigh?: number;
  /** The likeliest floor. */
  readonly floor?: number;
}

/** A place that somebody reads off a picture is right to a floor or so. */
const spreadOf: Readonly<Record<ThrowOrigin["method"], number>> = { device: 1, region: 1, trajectory: 2 };

export function originOf({ building, unit, floor, floorLow, floorHigh, method }: ThrowOrigin): Origin {
  const spread = spreadOf[method];
  return {
    ...(building === undefined ? {} : { building }),
    ...(unit === undefined ? {} : { unit }),
    ...(floor === undefined
      ? {}
      : { floor, floorLow: floorLow ?? floor - spread, floorHigh: floorHigh ?? floor + spread }),
  };
}

/**
 * Two reports of one throw: where their floors overlap it came from there, and they agree; where they do not, from somewhere
 * between the two, and they do not. A building or unit that only one knows is taken from it; two that differ are left out.
 */
export function agree(a: Origin, b: Origin): { readonly origin: Origin; readonly agreed: boolean } {
  const same = <T>(x: T | undefined, y: T | undefined) => x === undefined || y === undefined || x === y;
  const sameBuilding = same(a.building, b.building);
  const sameUnit = sameBuilding && same(a.unit, b.unit);
  const building = sameBuilding ? (a.building ?? b.building) : undefined;
  const unit = sameUnit ? (a.unit ?? b.unit) : undefined;
  const floors = floorsOf(a, b);
  return {
    origin: {
      ...(building === undefined ? {} : { building }),
      ...(unit === undefined ? {} : { unit }),
      ...floors.floors,
    },
    agreed: sameBuilding && sameUnit && floors.agreed,
  };
}

type Floors = Pick<Origin, "floor" | "floorLow" | "floorHigh">;

function floorsOf(a: Origin, b: Origin): { readonly floors: Floors; readonly agreed: boolean } {
  const bounds = (o: Origin) =>
    o.floor === undefined || o.floorLow === undefined || o.floorHigh === undefined
      ? undefined
      : { floor: o.floor, floorLow: o.floorLow, floorHigh: o.floorHigh };
  const [x, y] = [bounds(a), bounds(b)];
  if (x === undefined || y === undefined) return { floors: x ?? y ?? {}, agreed: true };
  const floorLow = Math.max(x.floorLow, y.floorLow);
  const floorHigh = Math.min(x.floorHigh, y.floorHigh);
  if (floorLow > floorHigh) {
    const low = Math.min(x.floorLow, y.floorLow);
    const high = Math.max(x.floorHigh, y.floorHigh);
    return { floors: { floor: Math.round((low + high) / 2), floorLow: low, floorHigh: high }, agreed: false };
  }
  // The narrower of the two knows better.
  const surer = x.floorHigh - x.floorLow <= y.floorHigh - y.floorLow ? x.floor : y.floor;
  return { floors: { floor: Math.min(floorHigh, Math.max(floorLow, surer)), floorLow, floorHigh }, agreed: true };
}

/** Absent where nothing is known beyond the zone. */
export function tellOrigin({ building, unit, floor, floorLow, floorHigh }: Origin): Bilingual | undefined {
  const zhPlace = [called(building, "", "栋"), called(unit, "", "单元")];
  const enPlace = joined([called(building, "building ", ""), called(unit, "unit ", "")]);
  if (floor === undefined) {
    const zh = joined(zhPlace);
    return zh === "" ? undefined : { zh, en: enPlace };
  }
  const range = floorLow === undefined || floorHigh === undefined || floorLow === floorHigh;
  const zh = range ? `${floor}层` : `约${floor}层（${floorLow}至${floorHigh}层之间）`;
  const en = range ? `floor ${floor}` : `about floor ${floor} (between ${floorLow} and ${floorHigh})`;
  return { zh: joined([...zhPlace, zh]), en: enPlace === "" ? en : `${enPlace}, ${en}` };
}

/** Cameras and profiles say `3` as well as `3栋`. */
function called(name: string | undefined, before: string, behind: string): string | undefined {
  return name !== undefined && /^\d+$/.test(name) ? `${before}${name}${behind}` : name;
}

/** As Chinese writes it, without blanks, but where two names or numbers would run into one: b3 u1 8层. */
function joined(parts: readonly (string | undefined)[]): string {
  return parts
    .filter((part) => part !== undefined)
    .reduce((told, part) => `${told}${/\w$/.test(told) && /^\w/.test(part) ? " " : ""}${part}`, "");
}

/** May both have come from one place? Only where at least the unit or the floor of both is known. */
export function mayBeSame(a: Origin, b: Origin): boolean {
  const told = (o: Origin) => o.floor !== undefined;
  return told(a) && told(b) && agree(a, b).agreed;
}
