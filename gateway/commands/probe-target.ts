import { randomInt } from "node:crypto";
import type { GatewayConfig } from "../../config/schema.ts";
import { modbusTcpOptions } from "../../drivers/modbus/options.ts";
import { TcpLine } from "../../drivers/modbus/tcp-line.ts";
import { RtuLine } from "../../drivers/serial-line/rtu-line.ts";
import type { LineSettings } from "../../drivers/serial-line/timing.ts";
import { GatewayError } from "../domain/errors.ts";
import { SystemClock } from "../ops/system-clock.ts";
import type { ModbusLine } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";

/** What is probed: a serial port, or an address. */
export type Place =
  | { readonly kind: "line"; readonly settings: LineSettings }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface Target {
  readonly line: ModbusLine;
  readonly clock: SystemClock;
  close(): Promise<void>;
}

const silent = (): void => {};
const quiet: Logger = { debug: silent, info: silent, warn: silent, error: silent, child: () => quiet };
const uncounted: Telemetry = { count: silent, gauge: silent };

/** Opens it, to read only. Rejects with LINK_ABSENT or LINK_LOST where a serial port cannot be had. */
export async function openTarget(place: Place, searching: boolean): Promise<Target> {
  const clock = new SystemClock();
  const deps = { clock, logger: quiet, telemetry: uncounted };
  if (place.kind === "tcp") {
    const line = new TcpLine(place, deps, randomInt(0x1_0000), !searching);
    return {
      line,
      clock,
      close: async () => {
        line.close();
        clock.close();
      },
    };
  }
  const { openTty } = await import("../../drivers/serial-line/serialport-tty.ts");
  let failed: unknown;
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
  const line = new RtuLine(
    place.settings,
    {
      ...deps,
      openTty: async (settings) => {
        try {
          return await openTty(settings);
        } catch (error) {
          failed ??= error;
          throw error;
        } finally {
          settle();
        }
      },
    },
    !searching,
  );
  await settled;
  if (failed !== undefined) {
    await line.close();
    clock.close();
    throw failed;
  }
  return {
    line,
    clock,
    close: async () => {
      await line.close();
      clock.close();
    },
  };
}

export interface ProbedDevice {
  readonly place: Place;
  readonly unit: number;
  readonly profile: unknown;
  readonly profileName: string;
}

/** Where a device of the configuration is. Throws CONFIG_INVALID where it is none that can be probed. */
export function placeOfDevice(config: GatewayConfig, id: string): ProbedDevice {
  const found = config.devices.find(({ device }) => device.id === id);
  if (found === undefined) throw new GatewayError("CONFIG_INVALID", `the configuration has no device ${id}`);
  const { manifest, options, profile } = found;
  const profileName = manifest.profile?.(options) ?? "";
  const serial = manifest.serial?.(options);
  if (serial?.unit !== undefined)
    return { place: placeOfLine(config, serial.line), unit: serial.unit, profile, profileName };
  const tcp = manifest.modbusTcp === true ? modbusTcpOptions.safeParse(options) : undefined;
  if (tcp?.success !== true)
    throw new GatewayError("CONFIG_INVALID", `${id} (${manifest.driver}, ${manifest.dialect}) is no Modbus device`);
  const { host, port, unit } = tcp.data;
  return { place: { kind: "tcp", host, port }, unit, profile, profileName };
}

/** The line of the configuration with this id. Throws CONFIG_INVALID where there is none. */
export function placeOfLine(config: GatewayConfig, id: string): Place {
  const settings = config.serialLines.find((line) => line.id === id);
  if (settings === undefined) throw new GatewayError("CONFIG_INVALID", `the configuration has no serial line ${id}`);
  return { kind: "line", settings };
}
