import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { readsTopic } from "../json-events/mapped-options.ts";
import { RecordReader } from "../json-events/mapped-record.ts";
import { openMappedMqtt } from "../json-events/mapped-session.ts";
import { viewOf } from "../json-events/view.ts";
import type { MappedThrowMqttOptions } from "./mapped-options.ts";
import { throwMeaning } from "./mapped-throw.ts";

/** A camera or an analysis box that publishes JSON of its own on the embedded broker. */
export function open(context: DriverContext<MappedThrowMqttOptions>): DeviceSession {
  const { options, clock, timeZone, profile } = context;
  const reader = new RecordReader(options.mapping, clock, timeZone, true);
  const understand = throwMeaning(options.mapping, reader, viewOf(profile));
  return openMappedMqtt({ context, reader, understand, reads: readsTopic(options) });
}
