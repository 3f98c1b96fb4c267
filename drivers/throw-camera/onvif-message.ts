import { openJson } from "../json-events/payload.ts";
import { memberOf } from "../json-events/pointer.ts";
import { asText, type Scalar } from "../json-events/values.ts";

/** A topic as ONVIF Core, "Topic Structure", builds it: prefix, how the payload is written, what happened, at which source. */
export interface OnvifTopic {
  /** `onvif-ej` events, `onvif-mj` metadata; `other` is what makers add below the prefix. */
  readonly payload: "onvif-ej" | "onvif-mj" | "other";
  /** Without tns1: prefixes. */
  readonly local: string;
}

/** Undefined for a topic that does not lie below the prefix. */
export function parseOnvifTopic(topic: string, prefix: string): OnvifTopic | undefined {
  if (!topic.startsWith(`${prefix}/`)) return undefined;
  const rest = topic.slice(prefix.length + 1);
  const [first = ""] = rest.split("/", 1);
  const payload = first === "onvif-ej" || first === "onvif-mj" ? first : "other";
  const below = payload === "other" ? rest : rest.slice(first.length + 1);
  const source = below.indexOf("/&");
  return { payload, local: plainOnvifTopic(source < 0 ? below : below.slice(0, source)) };
}

/**
 * The default namespace is ONVIF's, hence its prefix is dropped; some cameras keep it, at one level or at each. Other namespaces
 * tell makers apart and stay.
 */
export function plainOnvifTopic(topic: string): string {
  return topic
    .split("/")
    .map((level) => level.replace(/^tns1:/, ""))
    .join("/");
}

export interface OnvifMessage {
  readonly value: unknown;
  readonly utcTime: unknown;
  readonly items: ReadonlyMap<string, Scalar>;
  /** Values of the items of Source, in order. */
  readonly source: readonly Scalar[];
}

export type Parsed =
  | { readonly ok: true; readonly message: OnvifMessage }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

/** No event of the standard has more items. */
const mostItems = 64;

/** The JSON payload of an event (ONVIF Core, "JSON Event Payload"), Source and Data flat or as SimpleItem lists. */
export function parseOnvifPayload(payload: Uint8Array): Parsed {
  const opened = openJson(payload);
  if (!opened.ok) return opened;
  const { value } = opened;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, reason: "wrong-shape", detail: "expected an object with UtcTime, Source and Data" };
  }
  const sources = itemsOf(memberOf(value, "Source"));
  const items = new Map([...sources, ...itemsOf(memberOf(value, "Key")), ...itemsOf(memberOf(value, "Data"))]);
  const named = ["UtcTime", "Source", "Data"].some((name) => memberOf(value, name) !== undefined);
  if (!named) return { ok: false, reason: "wrong-shape", detail: "expected UtcTime, Source or Data" };
  return {
    ok: true,
    message: { value, utcTime: memberOf(value, "UtcTime"), items, source: sources.map(([, of]) => of) },
  };
}

function itemsOf(section: unknown): [string, Scalar][] {
  if (typeof section !== "object" || section === null) return [];
  const list = memberOf(section, "SimpleItem");
  const listed = Array.isArray(list) ? list : [list];
  const named = listed.slice(0, mostItems).flatMap((item): [unknown, unknown][] => {
    if (typeof item !== "object" || item === null) return [];
    return [[memberOf(item, "Name") ?? memberOf(item, "@Name"), memberOf(item, "Value") ?? memberOf(item, "@Value")]];
  });
  const flat = Array.isArray(section) ? [] : Object.entries(section).slice(0, mostItems);
  return [...flat, ...named].flatMap(([name, value]): [string, Scalar][] => {
    const key = asText(name);
    return key === undefined || !isScalar(value) ? [] : [[key, value]];
  });
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
