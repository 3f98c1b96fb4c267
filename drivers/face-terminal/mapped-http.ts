import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { mappedReply } from "../json-events/mapped-options.ts";
import { RecordReader } from "../json-events/mapped-record.ts";
import { openMappedHttp } from "../json-events/mapped-session.ts";
import { accessMeaning } from "./mapped-access.ts";
import type { MappedAccessHttpOptions } from "./mapped-options.ts";

/** A terminal or a platform that pushes JSON of its own. */
export function open(context: DriverContext<MappedAccessHttpOptions>): DeviceSession {
  const { options, clock, timeZone } = context;
  const reader = new RecordReader(options.mapping, clock, timeZone, false);
  const understand = accessMeaning(options.mapping, (personId) => context.pseudonym(personId));
  return openMappedHttp({ context, reader, understand, reply: mappedReply(options) });
}
