import { randomInt } from "node:crypto";
import type { ModbusLine } from "../../gateway/ports/driver.ts";
import { TcpLine } from "./tcp-line.ts";
import type { LinkDeps, TcpAddress } from "./tcp-link.ts";

export interface ModbusTcp {
  /** The line of this address, the same for all that name it. It connects with the first request. */
  line(address: TcpAddress): ModbusLine;
  /** Ends all connections; what waits fails with `lost`. */
  close(): void;
}

export function openModbusTcp(deps: LinkDeps): ModbusTcp {
  const lines = new Map<string, TcpLine>();
  return {
    line: (address) => {
      const key = `${address.host.toLowerCase()} ${address.port}`;
      const known = lines.get(key) ?? new TcpLine(address, deps, randomInt(0x1_0000));
      lines.set(key, known);
      return known;
    },
    close: () => {
      for (const line of lines.values()) line.close();
    },
  };
}
