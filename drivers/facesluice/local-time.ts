const shape = /^(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?$/;

/** Turns what a device writes as time into epoch ms; undefined where it is no date. */
export type ReadTime = (text: string, nearMs: number) => number | undefined;

/**
 * Reader for `YYYY-MM-DD HH:mm:ss` (also with `T`) in an IANA zone. A time that carries its own offset is taken by it. An
 * hour that comes twice in autumn is taken as the one nearer to `nearMs`; one that is left out in spring moves forward by
 * what the clocks were put forward, as in RFC 5545 §3.3.5. Throws RangeError for an unknown zone.
 */
export function localTimeReader(timeZone: string): ReadTime {
  const offsetAt = zoneOffsets(timeZone);
  return (text, nearMs) => {
    const match = shape.exec(text);
    if (match === null) return undefined;
    const [, year, month, day, hour, minute, second, fraction, offset] = match;
    const wall = wallMs([year, month, day, hour, minute, second].map(Number));
    if (wall === undefined) return undefined;
    const ms = fraction === undefined ? 0 : Math.floor(Number(fraction) * 1000);
    if (offset !== undefined) return wall + ms - offsetMs(offset);
    return toUtc(wall, nearMs, offsetAt) + ms;
  };
}

/** Undefined for a day or hour that no calendar has: Date would silently roll it over. */
function wallMs(fields: readonly number[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(ms);
  const same = back.getUTCMonth() === month - 1 && back.getUTCDate() === day && back.getUTCHours() === hour;
  return same && minute < 60 && second < 60 && year >= 1000 ? ms : undefined;
}

const dayMs = 86_400_000;

/** Zones change their offset at most once in two days, so that the offsets a day before and after are the only ones possible. */
function toUtc(wall: number, nearMs: number, offsetAt: (ms: number) => number): number {
  const before = offsetAt(wall - dayMs);
  const after = offsetAt(wall + dayMs);
  const byOld = wall - before;
  if (before === after) return byOld;
  const byNew = wall - after;
  const oldHolds = offsetAt(byOld) === before;
  const newHolds = offsetAt(byNew) === after;
  if (oldHolds && newHolds) return Math.abs(byOld - nearMs) <= Math.abs(byNew - nearMs) ? byOld : byNew;
  return newHolds ? byNew : byOld;
}

/** Offset of a zone from UTC at an instant, ms; cached by the minute, since no zone has changed within one since 1972. */
function zoneOffsets(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const cache = new Map<number, number>();
  return (ms) => {
    const minute = Math.floor(ms / 60_000);
    const known = cache.get(minute);
    if (known !== undefined) return known;
    if (cache.size >= 512) cache.clear();
    const offset = offsetMs(format.format(ms));
    cache.set(minute, offset);
    return offset;
  };
}

/** `+08:00`, `+0800`, `GMT-03:30`, and `GMT` or `Z` for none. */
function offsetMs(text: string): number {
  const match = /([+-])(\d\d):?(\d\d)(?::(\d\d))?$/.exec(text);
  if (match === null) return 0;
  const [, sign, hours, minutes, seconds] = match;
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1000;
  return sign === "-" ? -size : size;
}

/** The reverse, to the second: `YYYY-MM-DD HH:mm:ss` on a wall in an IANA zone. */
export function localTimeText(ms: number, timeZone: string): string {
  const shown = new Date(ms + zoneOffsets(timeZone)(ms));
  return shown.toISOString().slice(0, 19).replace("T", " ");
}
