import { defineDriver } from "../../gateway/ports/driver.ts";
import {
  type FaceSluiceOptions,
  faceSluiceGrants,
  faceSluiceOptions,
  faceSluiceSilence,
} from "../facesluice/options.ts";

export const throwCameraFaceSluiceMqtt = defineDriver<FaceSluiceOptions>({
  driver: "throw-camera",
  dialect: "facesluice-mqtt",
  title: { zh: "高空抛物相机（faceSluice MQTT）", en: "High-altitude-throw camera (faceSluice over MQTT)" },
  options: faceSluiceOptions,
  mqtt: faceSluiceGrants,
  silentAfterMs: faceSluiceSilence,
  load: () => import("./facesluice-mqtt.ts"),
});
