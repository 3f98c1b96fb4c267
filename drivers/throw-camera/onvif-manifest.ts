import { z } from "zod";
import { defineDriver } from "../../gateway/ports/driver.ts";
import {
  keepAlive,
  lateAfter,
  mqttAccount,
  silenceAfter,
  topicSchema,
  viewProfile,
} from "../json-events/client-options.ts";
import { eventsSchema } from "../json-events/event-rules.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";

const onvifOptions = z.strictObject({
  ...mqttAccount,
  topicPrefix: topicSchema.describe("TopicPrefix as set in the camera's event broker; often its MAC address or name."),
  events: eventsSchema.min(1, "at least one entry: what the camera reports is the maker's own topic"),
  keepAlive,
  lateAfter,
  profile: viewProfile,
});
export type OnvifOptions = z.output<typeof onvifOptions>;

export const throwCameraOnvifMqtt = defineDriver<OnvifOptions>({
  driver: "throw-camera",
  dialect: "onvif-mqtt",
  title: { zh: "高空抛物相机（ONVIF MQTT 事件）", en: "High-altitude-throw camera (ONVIF events over MQTT)" },
  options: onvifOptions,
  mqtt: ({ username, password, topicPrefix }) => ({
    username,
    password,
    publish: [],
    // The whole subtree, since a refused topic costs the camera its connection, and makers add their own beside onvif-ej.
    publishBelow: [`${topicPrefix}/`],
    subscribe: [],
  }),
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: (options) => silenceAfter(options.keepAlive),
  load: () => import("./onvif-mqtt.ts"),
});
