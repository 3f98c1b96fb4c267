import { defineDriver } from "../../gateway/ports/driver.ts";
import { silenceAfter } from "../json-events/client-options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { type AxisOptions, axisOptions } from "./axis-options.ts";

export const throwCameraAxisMqtt = defineDriver<AxisOptions>({
  driver: "throw-camera",
  dialect: "axis-mqtt",
  title: { zh: "高空抛物相机（安讯士 MQTT 事件桥）", en: "High-altitude-throw camera (Axis MQTT event bridge)" },
  options: axisOptions,
  mqtt: ({ username, password, topicPrefix }) => ({
    username,
    password,
    publish: [],
    // Its connect and disconnect messages and its last will lie below the prefix too.
    publishBelow: [`${topicPrefix}/`],
    subscribe: [],
  }),
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: (options) => silenceAfter(options.keepAlive),
  load: () => import("./axis-mqtt.ts"),
});
