import type { ClockQuality } from "../ports/clock.ts";
import type { LaneEntry } from "../ports/logs.ts";

/** Who speaks. */
export interface Origin {
  /** `/{prefix}/{siteId}/{gatewayId}` */
  readonly source: string;
  readonly siteId: string;
  readonly gatewayId: string;
}

/** CloudEvents MQTT binding 1.0.2 §3.2.1: the Content Type of a structured message, MQTT 5 only. */
export const contentType = "application/cloudevents+json; charset=utf-8";

const quote = (text: string): string => JSON.stringify(text);

function attributesOf(origin: Origin): string {
  return (
    `{"specversion":"1.0","datacontenttype":"application/json","source":${quote(origin.source)}` +
    `,"siteid":${quote(origin.siteId)},"gatewayid":${quote(origin.gatewayId)}`
  );
}

/** Writes the messages of one lane. */
export interface LaneWriter {
  /** `replayed`: sent again, or late. */
  entry(entry: LaneEntry, replayed: boolean): string;
  /** The alarm as it stands after the entry's step. `alarm`: JSON text. */
  state(entry: LaneEntry, alarm: string): string;
}

/**
 * A CloudEvents 1.0 structured envelope around the stored text, which is neither parsed nor written anew: the text in
 * the log is the text at the city, byte for byte, and a drain costs little.
 */
export function laneWriter(origin: Origin, lane: "alarms" | "events", epoch: string): LaneWriter {
  const start = `${attributesOf(origin)},"lane":"${lane}","epoch":${quote(epoch)},"sequence":"`;
  const middle = (entry: LaneEntry): string =>
    `${entry.seq}","subject":${quote(entry.subject)},"time":"${entry.time}","clock":"${entry.clock}"`;
  return {
    entry(entry, replayed) {
      const mark = replayed ? ',"replayed":true' : "";
      return `${start}${middle(entry)}${mark},"id":${quote(entry.id)},"type":${quote(entry.type)},"data":${entry.data}}`;
    },
    state(entry, alarm) {
      const id = quote(`${entry.id}/active`);
      return `${start}${middle(entry)},"id":${id},"type":"zhian.alarm.state","data":${alarm}}`;
    },
  };
}

/** A message outside the lanes. `data`: JSON text. `time`: ISO 8601. */
export interface Event {
  readonly type: string;
  readonly id: string;
  readonly subject?: string;
  readonly time?: string;
  readonly clock: ClockQuality["state"];
  readonly data: string;
}

export function writeEvent(origin: Origin, event: Event): string {
  const subject = event.subject === undefined ? "" : `,"subject":${quote(event.subject)}`;
  const time = event.time === undefined ? "" : `,"time":${quote(event.time)}`;
  return (
    `${attributesOf(origin)}${subject}${time},"clock":"${event.clock}"` +
    `,"id":${quote(event.id)},"type":${quote(event.type)},"data":${event.data}}`
  );
}
