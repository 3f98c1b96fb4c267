import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { openInput } from "./input-session.ts";
import type { GpioOptions } from "./options.ts";
import { openOutput } from "./output-session.ts";

/** One contact or one relay. Ends with a GPIO error where the line is not there, not ours, or lost. */
export function open(context: DriverContext<GpioOptions>): DeviceSession {
  return context.options.direction === "in" ? openInput(context) : openOutput(context);
}
