import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { readsTopic } from "../json-events/mapped-options.ts";
import { RecordReader } from "../json-events/mapped-record.ts";
import { openMappedMqtt } from "../json-events/mapped-session.ts";
import { accessMeaning } from "./mapped-access.ts";
import type { MappedAccessMqttOptions } from "./mapped-options.ts";

/** A terminal that publishes JSON of its own on the embedded broker. */
export function open(context: DriverContext<MappedAccessMqttOptions>): DeviceSession {
  const { options, clock, timeZone } = context;
  const reader = new RecordReader(options.mapping, clock, timeZone, true);
  const understand = accessMeaning(options.mapping, (personId) => context.pseudonym(personId));
  return openMappedMqtt({ context, reader, understand, reads: readsTopic(options) });
}
