import { z } from "zod";
import { defineDriver } from "../../gateway/ports/driver.ts";
import {
  credentialWords,
  knowsCredentials,
  mappedHttpFields,
  mappedHttpGrants,
  mappedMqttFields,
  mappedMqttGrants,
} from "../json-events/mapped-options.ts";
import { accessMapping } from "./mapped-access.ts";

const mapping = accessMapping.describe("Where in the sender's JSON what stands. Places are JSON pointers (RFC 6901).");

const mqttOptions = z.strictObject({ ...mappedMqttFields, mapping });
export type MappedAccessMqttOptions = z.output<typeof mqttOptions>;

export const faceTerminalMappedMqtt = defineDriver<MappedAccessMqttOptions>({
  driver: "face-terminal",
  dialect: "mapped-mqtt",
  title: { zh: "门禁终端（自定义 JSON，MQTT）", en: "Access terminal (JSON by mapping, MQTT)" },
  options: mqttOptions,
  mqtt: mappedMqttGrants,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./mapped-mqtt.ts"),
});

const httpOptions = z.strictObject({ ...mappedHttpFields, mapping }).refine(knowsCredentials, credentialWords);
export type MappedAccessHttpOptions = z.output<typeof httpOptions>;

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
