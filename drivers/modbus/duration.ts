import { z } from "zod";

const pattern = /^([1-9]\d{0,5})(ms|s|m)$/;
const factor: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** A duration as a profile writes it, in ms. */
export function durationMs(text: string): number {
  const [, number = "", unit = ""] = pattern.exec(text) ?? [];
  return Number(number) * (factor[unit] ?? Number.NaN);
}

export function durationText(least: string, most: string) {
  return z
    .string({ error: "expected a duration with its unit, for example 1s" })
    .regex(pattern, "expected a duration with its unit, for example 500ms, 1s or 1m")
    .refine((text) => durationMs(text) >= durationMs(least), `expected at least ${least}`)
    .refine((text) => durationMs(text) <= durationMs(most), `expected at most ${most}`);
}
