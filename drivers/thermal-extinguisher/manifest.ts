import { defineDriver } from "../../gateway/ports/driver.ts";
import { type ModbusRtuOptions, modbusRtuOptions } from "./options.ts";
import { profileSchema, silentAfterMs } from "./profile.ts";

export const thermalExtinguisherModbusRtu = defineDriver<ModbusRtuOptions>({
  driver: "thermal-extinguisher",
  dialect: "modbus-rtu",
  title: { zh: "温感灭火装置（串口 Modbus RTU）", en: "Thermal extinguisher (Modbus RTU over a serial line)" },
  options: modbusRtuOptions,
  serial: ({ line, unit }) => ({ line, unit }),
  profile: ({ profile }) => profile,
  profileSchema,
  silentAfterMs: () => silentAfterMs,
  load: () => import("./modbus-rtu.ts"),
});
