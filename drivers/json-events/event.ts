import { createHash } from "node:crypto";
import { at, parsePointer } from "./pointer.ts";
import type { Scalar } from "./values.ts";

/** One message of a device whose topics name what they report. */
export interface DeviceEvent {
  /** The MQTT topic, for people. */
  readonly source: string;
  /** Which of several of its kind: equal for every message about the same thing. */
  readonly instance: string;
  /** What happened, without prefixes: compared with the rules. */
  readonly topic: string;
  /** Items of Source and Data by name. */
  readonly items: ReadonlyMap<string, Scalar>;
  readonly value: unknown;
  readonly payload: Uint8Array;
  readonly timeMs: number | undefined;
  readonly retained: boolean;
}

/** What stands at a path: an item's name, or a JSON pointer into the payload. */
export function readPath({ items, value }: DeviceEvent, path: string): unknown {
  return path.startsWith("/") ? at(value, parsePointer(path)) : items.get(path);
}

/**
 * Equal for the same message sent again: same topic, same bytes. Absent where the message carries no time, since then two
 * events may well look the same.
 */
export function dedupKeyOf({ source, payload, timeMs }: DeviceEvent): string | undefined {
  if (timeMs === undefined) return undefined;
  return createHash("sha256").update(source).update("\0").update(payload).digest("base64url").slice(0, 27);
}
