import { z } from "zod";

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const expected = "a duration with its unit, for example 90s or 5m (ms, s, m, h, d)";

/** Milliseconds of a duration such as `90s` or `1.5h`; absent where it is not one. Units: ms, s, m, h, d. */
export function parseDuration(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

/**
 * A duration as the configuration, the rules' parameters and the profiles write it; comes out in milliseconds. Give
 * defaults with `.prefault("90s")`, so that docs and editors show the unit.
 */
export const durationSchema = z
  .string(expected)
  .regex(pattern, expected)
  .meta({ title: "duration" })
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: "custom", message: "a shorter duration" });
    return z.NEVER;
  });
