import { defineDriver } from "../../gateway/ports/driver.ts";
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
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-mqtt.ts"),
});
