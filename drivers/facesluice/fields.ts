import { z } from "zod";

/** "3", " 3 " and 3 are the same to these devices, which spell most numbers as text. Anything else is absent. */
function readNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > 32 || !/^\s*[+-]?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}

/**
 * Text without the blanks around it; an unset field is " " on the wire, hence "" is absent too. A whole number is read as
 * its digits, but not beyond 2^53, where JSON has lost some of them.
 */
function readText(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  return text === "" || text.length > 256 ? undefined : text;
}

/** Ids of records, messages and devices. What is not made of these characters is no id and must not travel on as one. */
const idPattern = /^[A-Za-z0-9._:@=-]{1,64}$/;

function readId(value: unknown): string | undefined {
  const text = readText(value);
  return text !== undefined && idPattern.test(text) ? text : undefined;
}

export const numeric = z.unknown().optional().transform(readNumber);
export const text = z.unknown().optional().transform(readText);
export const id = z.unknown().optional().transform(readId);
