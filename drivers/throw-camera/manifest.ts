import { defineDriver } from "../../gateway/ports/driver.ts";
import { commandOffers } from "../facesluice/commands.ts";
import {
  type FaceSluiceHttpOptions,
  faceSluiceHttpCameraOptions,
  faceSluiceHttpGrants,
} from "../facesluice/http-options.ts";
import {
  type FaceSluiceOptions,
  faceSluiceCameraOptions,
  faceSluiceGrants,
  faceSluiceSilence,
} from "../facesluice/options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";

export const throwCameraFaceSluiceMqtt = defineDriver<FaceSluiceOptions>({
  driver: "throw-camera",
  dialect: "facesluice-mqtt",
  title: { zh: "高空抛物相机（faceSluice MQTT）", en: "High-altitude-throw camera (faceSluice over MQTT)" },
  options: faceSluiceCameraOptions,
  mqtt: faceSluiceGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  commands: commandOffers,
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-mqtt.ts"),
});

export const throwCameraFaceSluiceHttp = defineDriver<FaceSluiceHttpOptions>({
  driver: "throw-camera",
  dialect: "facesluice-http",
  title: {
    zh: "高空抛物相机（faceSluice HTTP 推送）",
    en: "High-altitude-throw camera (faceSluice, pushed over HTTP)",
  },
  options: faceSluiceHttpCameraOptions,
  http: faceSluiceHttpGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  commands: (options) => (options.server === undefined ? [] : commandOffers(options)),
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-http.ts"),
});
