import { openJson } from "../json-events/payload.ts";
import { memberOf } from "../json-events/pointer.ts";
import { asText, type Scalar } from "../json-events/values.ts";

export interface AxisMessage {
  readonly value: unknown;
  /** As the payload names it; undefined where it does not. */
  readonly topic: string | undefined;
  readonly timestamp: unknown;
  /** Of source, key and data, by name; all of them text. */
  readonly items: ReadonlyMap<string, Scalar>;
  readonly source: readonly Scalar[];
}

export type Parsed =
  | { readonly ok: true; readonly message: AxisMessage }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

/**
 * What the event bridge publishes: `{"topic":"onvif:Device/axis:IO/Port","timestamp":1785325150144,"message":{"source":{"port":"1"},
 * "key":{},"data":{"state":"0"}}}`.
 */
export function parseAxisPayload(payload: Uint8Array): Parsed {
  const opened = openJson(payload);
  if (!opened.ok) return opened;
  const { value } = opened;
  const message = typeof value === "object" && value !== null ? memberOf(value, "message") : undefined;
  if (typeof value !== "object" || value === null || typeof message !== "object" || message === null) {
    return { ok: false, reason: "wrong-shape", detail: "expected an object with topic, timestamp and message" };
  }
  const source = itemsOf(memberOf(message, "source"));
  const items = new Map([...source, ...itemsOf(memberOf(message, "key")), ...itemsOf(memberOf(message, "data"))]);
  const topic = asText(memberOf(value, "topic"));
  return {
    ok: true,
    message: { value, topic, timestamp: memberOf(value, "timestamp"), items, source: source.map(([, of]) => of) },
  };
}

/** No event of theirs has more items. */
const mostItems = 64;

function itemsOf(section: unknown): [string, Scalar][] {
  if (typeof section !== "object" || section === null || Array.isArray(section)) return [];
  return Object.entries(section)
    .slice(0, mostItems)
    .flatMap(([name, value]): [string, Scalar][] =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[name, value]] : [],
    );
}

/** The event's topic in an MQTT topic below `{prefix}/event/`: up to the sources. */
export function axisEventTopic(below: string): string {
  const source = below.indexOf("/$source/");
  return plainAxisTopic(source < 0 ? below : below.slice(0, source));
}

/**
 * Without namespaces, since the bridge can leave them out and writes them in two ways: `tns:onvif/Device/tns:axis/IO/Port` in the MQTT
 * topic and `onvif:Device/axis:IO/Port` in the payload are both `Device/IO/Port`.
 */
export function plainAxisTopic(topic: string): string {
  return topic
    .split("/")
    .filter((level) => !/^tns1?:?(onvif|axis)$/.test(level))
    .map((level) => level.replace(/^(tns1|tnsaxis|onvif|axis):/, ""))
    .join("/");
}
