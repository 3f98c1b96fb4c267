import type { ThrowOrigin } from "../../gateway/domain/observation.ts";
import type { Box, Track } from "./fractions.ts";
import type { ViewProfile } from "./view-profile.ts";

/** What is known of a throw that tells its place. */
export interface Sighting {
  readonly box: Box | undefined;
  readonly track: Track | undefined;
  readonly place: { readonly building?: string; readonly unit?: string; readonly floor?: number } | undefined;
  readonly region: string | undefined;
}

/** Where it came from; absent where nothing is known of that. */
export function locate({ place }: Sighting, _view: ViewProfile | undefined): ThrowOrigin | undefined {
  if (place === undefined) return undefined;
  const { building, unit, floor } = place;
  const storey = floor !== undefined && Number.isSafeInteger(floor) && floor !== 0;
  if (!building && !unit && !storey) return undefined;
  return {
    ...(building ? { building } : {}),
    ...(unit ? { unit } : {}),
    ...(storey ? { floor } : {}),
    method: "device",
  };
}
