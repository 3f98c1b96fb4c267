import { z } from "zod";
import { localTimeReader } from "../facesluice/local-time.ts";
import { asNumber, asText } from "./values.ts";

/**
 * How a device writes a time. `iso` and `local` are `YYYY-MM-DD` and `HH:mm:ss` with `T` or a blank between them; an offset that is
 * there is always believed. Without one `iso` is UTC and `local` is the site's time zone.
 */
export const timeFormatSchema = z.enum(["iso", "local", "epoch-s", "epoch-ms"]);
export type TimeFormat = z.output<typeof timeFormatSchema>;

/** Epoch ms of what a device wrote; undefined where it is no time. `nearMs` settles an hour that comes twice in autumn. */
export type ReadTime = (value: unknown, format: TimeFormat, nearMs: number) => number | undefined;

/** The last instant that a Date can hold is in the year 275760; no device means that. */
const latestMs = Date.UTC(3000, 0, 1);

export function timeReader(timeZone: string): ReadTime {
  const local = localTimeReader(timeZone);
  const utc = localTimeReader("UTC");
  return (value, format, nearMs) => {
    const ms = read(value, format, nearMs);
    return ms !== undefined && ms > 0 && ms < latestMs ? Math.floor(ms) : undefined;
  };

  function read(value: unknown, format: TimeFormat, nearMs: number): number | undefined {
    if (format === "epoch-ms") return asNumber(value);
    if (format === "epoch-s") {
      const seconds = asNumber(value);
      return seconds === undefined ? undefined : seconds * 1000;
    }
    // Some write ten-millionths of a second.
    const text = asText(value)?.replace(/(\.\d{6})\d{1,9}/, "$1");
    if (text === undefined) return undefined;
    return format === "iso" ? utc(text, nearMs) : local(text, nearMs);
  }
}
