import { z } from "zod";
import { defineDriver } from "../../gateway/ports/driver.ts";
import { viewProfile } from "../json-events/client-options.ts";
import {
  credentialWords,
  knowsCredentials,
  mappedHttpFields,
  mappedHttpGrants,
  mappedMqttFields,
  mappedMqttGrants,
} from "../json-events/mapped-options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { throwMapping } from "./mapped-throw.ts";

const mapping = throwMapping.describe("Where in the sender's JSON what stands. Places are JSON pointers (RFC 6901).");

const mqttOptions = z.strictObject({ ...mappedMqttFields, mapping, profile: viewProfile });
export type MappedThrowMqttOptions = z.output<typeof mqttOptions>;

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

const httpOptions = z
  .strictObject({ ...mappedHttpFields, mapping, profile: viewProfile })
  .refine(knowsCredentials, credentialWords);
export type MappedThrowHttpOptions = z.output<typeof httpOptions>;

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
