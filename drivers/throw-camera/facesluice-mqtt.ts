import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { FaceSluiceOptions } from "../facesluice/options.ts";
import { openFaceSluice } from "../facesluice/session.ts";

/** A camera that looks up at a facade: ParabolicSnapPush, and StrSnapPush where it looks for faces too. */
export function open(context: DriverContext<FaceSluiceOptions>): DeviceSession {
  return openFaceSluice(context);
}
