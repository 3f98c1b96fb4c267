import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { FaceSluiceHttpOptions } from "../facesluice/http-options.ts";
import { openFaceSluiceHttp } from "../facesluice/http-session.ts";

/** A camera that looks up at a facade and pushes over HTTP: ParabolicSnapPush and then its film, which is not kept. */
export function open(context: DriverContext<FaceSluiceHttpOptions>): DeviceSession {
  return openFaceSluiceHttp(context);
}
