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

/** The attributes that are equal in all messages of ours, each followed by a comma. */
function attributesOf(origin: Origin): string {
  return (
    `"source":${quote(origin.source)},"datacontenttype":"application/json",` +
    `"siteid":${quote(origin.siteId)},"gatewayid":${quote(origin.gatewayId)},`
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
  const common = attributesOf(origin);
  const place = `${common}"lane":"${lane}","epoch":${quote(epoch)},"sequence":"`;
  const about = ({ subject, time, clock }: LaneEntry): string =>
    `"subject":${quote(subject)},"time":"${time}","clock":"${clock}",`;
  return {
    entry(entry, replayed) {
      const head = `{"specversion":"1.0","id":${quote(entry.id)},"type":${quote(entry.type)},${about(entry)}`;
      return `${head}${place}${entry.seq}",${replayed ? '"replayed":true,' : ""}"data":${entry.data}}`;
    },
    state(entry, alarm) {
      const id = quote(`${entry.id}/active`);
      return `{"specversion":"1.0","id":${id},"type":"zhian.alarm.state",${about(entry)}${common}"data":${alarm}}`;
    },
  };
}

/** A message outside the lanes. `data`: JSON text. `time`: ISO 8601. */
export interface Event {
  readonly type: string;
  readonly id: string;
  readonly subject?: string;
  readonly time: string;
  readonly clock: ClockQuality["state"];
  readonly data: string;
}

export function writeEvent(origin: Origin, event: Event): string {
  const { type, id, subject, time, clock, data } = event;
  const about = subject === undefined ? "" : `"subject":${quote(subject)},`;
  return (
    `{"specversion":"1.0","id":${quote(id)},"type":${quote(type)},${about}"time":${quote(time)},"clock":"${clock}",` +
    `${attributesOf(origin)}"data":${data}}`
  );
}
