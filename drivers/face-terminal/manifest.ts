import { defineDriver } from "../../gateway/ports/driver.ts";
import { commandOffers } from "../facesluice/commands.ts";
import { type FaceSluiceHttpOptions, faceSluiceHttpGrants, faceSluiceHttpOptions } from "../facesluice/http-options.ts";
import {
  type FaceSluiceOptions,
  faceSluiceGrants,
  faceSluiceOptions,
  faceSluiceSilence,
} from "../facesluice/options.ts";

export const faceTerminalFaceSluiceMqtt = defineDriver<FaceSluiceOptions>({
  driver: "face-terminal",
  dialect: "facesluice-mqtt",
  title: { zh: "刷脸门禁终端（faceSluice MQTT）", en: "Face-access terminal (faceSluice over MQTT)" },
  options: faceSluiceOptions,
  mqtt: faceSluiceGrants,
  commands: commandOffers,
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-mqtt.ts"),
});

export const faceTerminalFaceSluiceHttp = defineDriver<FaceSluiceHttpOptions>({
  driver: "face-terminal",
  dialect: "facesluice-http",
  title: { zh: "刷脸门禁终端（faceSluice HTTP 推送）", en: "Face-access terminal (faceSluice, pushed over HTTP)" },
  options: faceSluiceHttpOptions,
  http: faceSluiceHttpGrants,
  commands: (options) => (options.server === undefined ? [] : commandOffers(options)),
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-http.ts"),
});
