import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { FaceSluiceOptions } from "../facesluice/options.ts";
import { openFaceSluice } from "../facesluice/session.ts";

/** A face terminal: RecPush and StrSnapPush, acknowledged to the terminal by PushAck when they are durable. */
export function open(context: DriverContext<FaceSluiceOptions>): DeviceSession {
  return openFaceSluice(context);
}
