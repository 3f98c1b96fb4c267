import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { FaceSluiceHttpOptions } from "../facesluice/http-options.ts";
import { openFaceSluiceHttp } from "../facesluice/http-session.ts";

/** A face terminal that pushes over HTTP: VerifyPush and SnapPush, answered by code 200 when they are durable. */
export function open(context: DriverContext<FaceSluiceHttpOptions>): DeviceSession {
  return openFaceSluiceHttp(context);
}
