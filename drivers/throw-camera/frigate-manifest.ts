import { defineDriver } from "../../gateway/ports/driver.ts";
import { silenceAfter } from "../json-events/client-options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { type FrigateOptions, frigateOptions } from "./frigate-options.ts";

export const throwCameraFrigateMqtt = defineDriver<FrigateOptions>({
  driver: "throw-camera",
  dialect: "frigate-mqtt",
  title: { zh: "高空抛物相机（Frigate 视频分析）", en: "High-altitude-throw camera (through Frigate)" },
  options: frigateOptions,
  mqtt: ({ username, password, topicPrefix }) => ({
    username,
    password,
    publish: [],
    publishBelow: [`${topicPrefix}/`],
    subscribe: [],
    shared: true,
  }),
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: (options) => silenceAfter(options.statsEvery),
  load: () => import("./frigate-mqtt.ts"),
});
