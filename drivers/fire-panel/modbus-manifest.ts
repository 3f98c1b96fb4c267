import { defineDriver } from "../../gateway/ports/driver.ts";
import { modbusRtu, modbusTcp } from "../modbus/dialects.ts";

export const firePanelModbusRtu = defineDriver({
  ...modbusRtu,
  driver: "fire-panel",
  title: { zh: "火灾报警控制器（串口 Modbus RTU）", en: "Fire panel (Modbus RTU over a serial line)" },
});

export const firePanelModbusTcp = defineDriver({
  ...modbusTcp,
  driver: "fire-panel",
  title: { zh: "火灾报警控制器（Modbus TCP）", en: "Fire panel (Modbus TCP)" },
});
