import type { DriverManifest } from "../../gateway/ports/driver.ts";
import { offersOf } from "./commands.ts";
import { type ModbusRtuOptions, type ModbusTcpOptions, modbusRtuOptions, modbusTcpOptions } from "./options.ts";
import { profileSchema, silentAfterMs } from "./profile.ts";

type Dialect<O> = Omit<DriverManifest<O>, "driver" | "title">;

const byProfile = {
  profile: ({ profile }: { readonly profile: string }) => profile,
  profileSchema,
  commands: offersOf,
  silentAfterMs: () => silentAfterMs,
};

/** What all families have in common whose slaves stand on a serial line. */
export const modbusRtu: Dialect<ModbusRtuOptions> = {
  ...byProfile,
  dialect: "modbus-rtu",
  options: modbusRtuOptions,
  serial: ({ line, unit }) => ({ line, unit }),
  load: () => import("./modbus-rtu.ts"),
};

/** What all families have in common whose slaves stand behind a network address. */
export const modbusTcp: Dialect<ModbusTcpOptions> = {
  ...byProfile,
  dialect: "modbus-tcp",
  options: modbusTcpOptions,
  modbusTcp: true,
  load: () => import("./modbus-tcp.ts"),
};
