import { z } from "zod";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof units;

function isUnit(text: string | undefined): text is Unit {
  return text !== undefined && text in units;
}

/** `90s`, `5m`, `1h` in the configuration; milliseconds inside. */
export function durationMs(byDefault: string) {
  return z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, "a duration with its unit, e.g. 90s or 5m")
    .default(byDefault)
    .transform((text) => {
      const match = /^([\d.]+)([a-z]+)$/.exec(text);
      const unit = match?.[2];
      return isUnit(unit) ? Number(match?.[1]) * units[unit] : Number.NaN;
    });
}
