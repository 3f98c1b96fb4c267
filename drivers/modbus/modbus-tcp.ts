import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import type { ModbusTcpOptions } from "./options.ts";
import { openSlave } from "./slave-session.ts";

/** A slave over Modbus TCP. */
export function open(context: DriverContext<ModbusTcpOptions>): DeviceSession {
  const { host, port, unit, profile } = context.options;
  return openSlave(context, () => {
    const line = context.modbusTcp?.({ host, port });
    if (line === undefined) throw new GatewayError("LINK_ABSENT", "this gateway has no Modbus TCP");
    return { line, unit, profile };
  });
}
