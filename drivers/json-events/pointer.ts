import { z } from "zod";

/** A parsed JSON pointer: the names and indexes on the way. */
export type Pointer = readonly string[];

const words = 'a JSON pointer (RFC 6901) such as /params/events/0/eventId, or "" for the whole';

/** RFC 6901 §3: `/` before each name; `~1` is a slash within one, `~0` a tilde. */
export const pointerSchema = z
  .string(words)
  .max(512, "a pointer of at most 512 characters")
  .regex(/^(\/([^~/]|~[01])*)*$/, words)
  .transform(parsePointer);

export function parsePointer(text: string): Pointer {
  return text
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What stands there; undefined where nothing does. Only members of the document itself are seen, never those of its prototype. */
export function at(value: unknown, pointer: Pointer): unknown {
  let here = value;
  for (const part of pointer) {
    if (typeof here !== "object" || here === null) return undefined;
    if (Array.isArray(here)) here = /^(0|[1-9]\d{0,8})$/.test(part) ? here[Number(part)] : undefined;
    else here = memberOf(here, part);
  }
  return here;
}

/** A member of an object that was parsed from JSON. */
export function memberOf(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}
