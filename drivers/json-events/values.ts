import { z } from "zod";

/** What a JSON member may say that is neither object nor list. */
export const scalarSchema = z.union([z.string().max(256), z.number(), z.boolean()]);
export type Scalar = z.output<typeof scalarSchema>;

const longest = 256;

/** A number, or text that spells one: ONVIF lets a device omit the quotes, Axis never does. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > 40) return undefined;
  if (!/^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Text without the blanks around it, or a scalar as it would be spelt. Absent where it is empty or of more than 256 characters. */
export function asText(value: unknown): string | undefined {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value !== "string" || value.length > longest) return undefined;
  const text = value.trim();
  return text === "" ? undefined : text;
}

/** `true` and `1` of xs:boolean, `active` of tt:RelayLogicalState; in any case of letters, since devices differ. */
function asTruth(value: unknown): boolean | undefined {
  switch (asText(value)?.toLowerCase()) {
    case "true":
    case "1":
    case "active":
    case "on":
      return true;
    case "false":
    case "0":
    case "inactive":
    case "off":
      return false;
    default:
      return undefined;
  }
}

/** Whether a device's value is the expected one, however it spells it: 15 is "15", true is "true", "1" and "active". */
export function same(expected: Scalar, found: unknown): boolean {
  if (typeof expected === "boolean") return asTruth(found) === expected;
  if (typeof expected === "number") return asNumber(found) === expected;
  return asText(found) === expected.trim();
}
