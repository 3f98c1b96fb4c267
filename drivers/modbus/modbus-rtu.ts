import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { ModbusRtuOptions } from "./options.ts";
import { openSlave } from "./slave-session.ts";

/** A slave on a serial line. Ends with LINK_ABSENT where there is no such line. */
export function open(context: DriverContext<ModbusRtuOptions>): DeviceSession {
  const { line: id, unit, profile } = context.options;
  return openSlave(context, () => {
    const line = context.modbusLine?.(id);
    if (line === undefined) throw new GatewayError("LINK_ABSENT", `there is no serial line ${id}`);
    return { line, unit, profile };
  });
}
