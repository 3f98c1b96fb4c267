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

/**
 * An object whose keys are read whatever their letters' case: over MQTT these alarms say `fire` and `snapTime`, over HTTP `Fire`
 * and `SnapTime`. Of two keys that differ in nothing else the first counts. What is no object is left to the schema.
 */
export function foldKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const folded = new Map<string, unknown>();
  for (const [key, each] of Object.entries(value).slice(0, 200)) {
    const name = key.toLowerCase();
    if (!folded.has(name)) folded.set(name, each);
  }
  return Object.fromEntries(folded);
}

/** A box in pixels as four numbers, or as text of them; of zeros where there is none. */
export interface PixelBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

function readBox(value: unknown): PixelBox | undefined {
  const given =
    typeof value === "string" && value.length <= 64 ? value.replace(/^\s*\[|\]\s*$/g, "").split(",") : value;
  if (!Array.isArray(given) || given.length !== 4) return undefined;
  const [x1, y1, x2, y2] = given.map(readNumber);
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return undefined;
  return x1 === x2 || y1 === y2 ? undefined : { x1, y1, x2, y2 };
}

export const box = z.unknown().optional().transform(readBox);
