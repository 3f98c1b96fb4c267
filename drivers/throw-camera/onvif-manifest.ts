import { defineDriver } from "../../gateway/ports/driver.ts";
import { silenceAfter } from "../json-events/client-options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { type OnvifOptions, onvifOptions } from "./onvif-options.ts";

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
