import { defineDriver } from "../../gateway/ports/driver.ts";
import { mappedHttpGrants, mappedMqttGrants } from "../json-events/mapped-options.ts";
import {
  httpOptions,
  type MappedAccessHttpOptions,
  type MappedAccessMqttOptions,
  mqttOptions,
} from "./mapped-options.ts";

export const faceTerminalMappedMqtt = defineDriver<MappedAccessMqttOptions>({
  driver: "face-terminal",
  dialect: "mapped-mqtt",
  title: { zh: "门禁终端（自定义 JSON，MQTT）", en: "Access terminal (JSON by mapping, MQTT)" },
  options: mqttOptions,
  mqtt: mappedMqttGrants,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./mapped-mqtt.ts"),
});

export const faceTerminalMappedHttp = defineDriver<MappedAccessHttpOptions>({
  driver: "face-terminal",
  dialect: "mapped-http",
  title: {
    zh: "门禁终端或平台（自定义 JSON，HTTP 推送）",
    en: "Access terminal or platform (JSON by mapping, HTTP push)",
  },
  options: httpOptions,
  http: mappedHttpGrants,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./mapped-http.ts"),
});
