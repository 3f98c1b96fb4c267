import { parseLocalTime } from "./local-time.ts";
import type { Command } from "./wire.ts";

/** What a station's own software answers, whatever it is a part of. */
export interface SelfCare {
  /** More fields of the answer's `info`. */
  readonly info: object;
  /** What it does when the answer is out. */
  readonly afterwards?: () => void;
}

interface Cared {
  readonly timeZone: string;
  now(): number;
  timeText(atMs: number): string;
  setClock(toMs: number): void;
  reboot(): void;
}

/**
 * GetSysTime, SetSysTime, RebootDevice, Versions, GetSysParam and GetDeviceInformation; undefined for what is none of them. The
 * field names of GetSysTime and Versions over MQTT are not published: here they are `time` and `version`, and the time to set
 * is found wherever it stands.
 */
export function selfCare({ operator, info = {} }: Command, station: Cared): SelfCare | undefined {
  switch (operator) {
    case "GetSysTime":
      return { info: { time: station.timeText(station.now()) } };
    case "SetSysTime": {
      const to = timeIn(info, station.timeZone);
      return to === undefined ? { info: {} } : { info: {}, afterwards: () => station.setClock(to) };
    }
    case "RebootDevice":
      return { info: {}, afterwards: () => station.reboot() };
    case "Versions":
      return { info: { version: "V2.1.7" } };
    case "GetSysParam":
      return { info: { Name: "Face1", Version: "V2.1.7", DeviceType: 3 } };
    case "GetDeviceInformation":
      return { info: { DeviceType: 3 } };
    default:
      return undefined;
  }
}

function timeIn(info: Readonly<Record<string, unknown>>, timeZone: string): number | undefined {
  const { Year, Month, Day, Hour, Minute, Second } = info;
  const two = (part: unknown) => String(part).padStart(2, "0");
  const parts = `${Year}-${two(Month)}-${two(Day)} ${two(Hour)}:${two(Minute)}:${two(Second)}`;
  for (const text of [...Object.values(info), parts]) {
    const ms = typeof text === "string" ? parseLocalTime(text, timeZone) : Number.NaN;
    if (Number.isFinite(ms)) return ms;
  }
  return undefined;
}
