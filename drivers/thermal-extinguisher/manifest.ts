import { defineDriver } from "../../gateway/ports/driver.ts";
import { modbusRtu, modbusTcp } from "../modbus/dialects.ts";

export const thermalExtinguisherModbusRtu = defineDriver({
  ...modbusRtu,
  driver: "thermal-extinguisher",
  title: { zh: "温感灭火装置（串口 Modbus RTU）", en: "Thermal extinguisher (Modbus RTU over a serial line)" },
});

export const thermalExtinguisherModbusTcp = defineDriver({
  ...modbusTcp,
  driver: "thermal-extinguisher",
  title: { zh: "温感灭火装置（Modbus TCP）", en: "Thermal extinguisher (Modbus TCP)" },
});
