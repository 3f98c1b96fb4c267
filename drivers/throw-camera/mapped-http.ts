import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { mappedReply } from "../json-events/mapped-options.ts";
import { RecordReader } from "../json-events/mapped-record.ts";
import { openMappedHttp } from "../json-events/mapped-session.ts";
import { viewOf } from "../json-events/view.ts";
import type { MappedThrowHttpOptions } from "./mapped-options.ts";
import { throwMeaning } from "./mapped-throw.ts";

/** A camera or a platform that pushes JSON of its own. */
export function open(context: DriverContext<MappedThrowHttpOptions>): DeviceSession {
  const { options, clock, timeZone, profile } = context;
  const reader = new RecordReader(options.mapping, clock, timeZone, false);
  const understand = throwMeaning(options.mapping, reader, viewOf(profile));
  return openMappedHttp({ context, reader, understand, reply: mappedReply(options) });
}
