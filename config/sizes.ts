import { z } from "zod";

const unitBytes = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const;
const pattern = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
const expected = "a size with its unit, for example 2GiB or 500MB (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)";

/** Bytes of a size such as `2GiB` or `500MB`; absent where it is not one. */
export function parseSize(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export const sizeSchema = z
  .string(expected)
  .regex(pattern, expected)
  .meta({ title: "size" })
  .transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: "custom", message: "a smaller size" });
    return z.NEVER;
  });
