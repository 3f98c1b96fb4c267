import { defineDriver } from "../../gateway/ports/driver.ts";
import { mappedHttpGrants, mappedMqttGrants } from "../json-events/mapped-options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import {
  httpOptions,
  type MappedThrowHttpOptions,
  type MappedThrowMqttOptions,
  mqttOptions,
} from "./mapped-options.ts";

export const throwCameraMappedMqtt = defineDriver<MappedThrowMqttOptions>({
  driver: "throw-camera",
  dialect: "mapped-mqtt",
  title: { zh: "高空抛物相机（自定义 JSON，MQTT）", en: "High-altitude-throw camera (JSON by mapping, MQTT)" },
  options: mqttOptions,
  mqtt: mappedMqttGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./mapped-mqtt.ts"),
});

export const throwCameraMappedHttp = defineDriver<MappedThrowHttpOptions>({
  driver: "throw-camera",
  dialect: "mapped-http",
  title: {
    zh: "高空抛物相机或平台（自定义 JSON，HTTP 推送）",
    en: "High-altitude-throw camera or platform (JSON by mapping, HTTP push)",
  },
  options: httpOptions,
  http: mappedHttpGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./mapped-http.ts"),
});
