import type { Decoded } from "./decode.ts";
import type { PanelEvent } from "./register.ts";

/** What one poll says. */
export interface Values {
  readonly temperatureC?: number;
  readonly pressureMpa?: number;
  /** By the name of the bit. */
  readonly bits: ReadonlyMap<string, boolean>;
  readonly points: ReadonlyMap<string, PanelEvent>;
  /** Registers that were read and cannot be believed, with why. */
  readonly invalid: ReadonlyMap<string, string>;
}

export function valuesFrom(all: readonly Decoded[]): Values {
  const bits = new Map<string, boolean>();
  const points = new Map<string, PanelEvent>();
  const invalid = new Map<string, string>();
  const readings: { temperatureC?: number; pressureMpa?: number } = {};
  for (const decoded of all) {
    for (const [name, set] of decoded.bits ?? []) bits.set(name, set);
    for (const [name, event] of decoded.points ?? []) points.set(name, event);
    if (decoded.doubt !== undefined) invalid.set(decoded.name, decoded.doubt);
    else if (decoded.value === undefined) continue;
    else if (decoded.name === "temperature") readings.temperatureC = decoded.value;
    else readings.pressureMpa = decoded.value;
  }
  return { ...readings, bits, points, invalid };
}
