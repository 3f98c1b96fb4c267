import { z } from "zod";
import { id, numeric, text } from "../facesluice/fields.ts";
import { type Fields, field } from "./document.ts";

/** A yes or no as JSON, as XML and as a number has it. */
export const flag = z
  .unknown()
  .optional()
  .transform((value) => {
    const word = typeof value === "string" ? value.trim().toLowerCase() : value;
    if (word === true || word === "true" || word === 1 || word === "1") return true;
    return word === false || word === "false" || word === 0 || word === "0" ? false : undefined;
  });

const alertSchema = z.object({
  eventType: text,
  eventState: text,
  dateTime: text,
  /** How one published class spells it. */
  dataTime: text,
  channelID: id,
  dynChannelID: id,
  deviceID: id,
  uuid: id,
  activePostCount: numeric,
});

/** What every ISAPI event has (EventNotificationAlert), JSON or XML. */
export interface Alert {
  /** In small letters: capability, key and event spell it differently. */
  readonly type: string;
  readonly state: "active" | "inactive" | undefined;
  /** As the device wrote it. */
  readonly time: string | undefined;
  /** As people see it: on a recorder the dynamic channel, where it names one. */
  readonly channel: string | undefined;
  readonly deviceId: string | undefined;
  readonly uuid: string | undefined;
  readonly fields: Fields;
}

/** Undefined where it names no event. */
export function readAlert(fields: Fields): Alert | undefined {
  const parsed = alertSchema.safeParse(fields);
  if (!parsed.success || parsed.data.eventType === undefined) return undefined;
  const { eventType, eventState, dateTime, dataTime, channelID, dynChannelID, deviceID, uuid } = parsed.data;
  const state = eventState?.toLowerCase();
  return {
    type: eventType.toLowerCase(),
    state: state === "active" || state === "inactive" ? state : undefined,
    time: dateTime ?? dataTime,
    channel: dynChannelID ?? channelID,
    deviceId: deviceID,
    uuid,
    fields,
  };
}

/** A sign of life that says nothing else: `heartBeat`, or `videoloss` that is inactive. */
export function isHeartbeat({ type, state }: Alert): boolean {
  return type === "heartbeat" || (type === "videoloss" && state === "inactive");
}

/** What is counted for an event that we do not know; bounded, and never text that a device made up. */
export function unknownEvent({ type }: Alert): string {
  return /^[a-z][a-z0-9]{1,39}$/.test(type) ? `event-${type}` : "event-other";
}

/** The detail of the event, in a member of its own. */
export function detailOf({ fields }: Alert, name: string): unknown {
  return field(fields, name);
}
