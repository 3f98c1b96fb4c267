import type { DeviceId, ObservationId, ZoneId } from "../domain/ids.ts";
import type { SiteView } from "./rule.ts";

/** A device that is not heard. */
export interface Silent {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly by: ObservationId;
  readonly reason: string;
  /** Virtual time ms of its report. */
  readonly at: number;
}

export interface OutageParams {
  /** Devices that fall silent within this time of each other do so together, ms. */
  readonly within: number;
  readonly leastDevices: number;
  /** 0–1 of the devices of the building. */
  readonly leastShare: number;
}

/** Devices that are followed a building; more are told by the first ones. */
export const mostSilent = 512;

/**
 * Those of one building that fell silent together and are so many that one cause is likelier than many: a switch, a power cut, a
 * cut cable. Empty where they are too few. The same for every rule that asks, so that what one tells as an outage of the
 * building no other tells device by device.
 */
export function fellTogether(
  silent: readonly Silent[],
  zoneId: ZoneId,
  params: OutageParams,
  site: SiteView,
): readonly Silent[] {
  const ordered = [...silent].sort((a, b) => a.at - b.at || a.deviceId.localeCompare(b.deviceId));
  const watched = Math.max(site.devicesIn(site.rootOf(zoneId)).length, ordered.length);
  const enough = Math.max(params.leastDevices, Math.ceil(params.leastShare * watched));
  let best: readonly Silent[] = [];
  for (let from = 0, to = 0; to < ordered.length; to++) {
    const last = ordered[to];
    while (last !== undefined && (ordered[from]?.at ?? 0) < last.at - params.within) from += 1;
    if (to + 1 - from > best.length) best = ordered.slice(from, to + 1);
  }
  return best.length >= enough ? best : [];
}
