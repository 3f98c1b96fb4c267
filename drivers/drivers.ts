import type { DriverManifest } from "../gateway/ports/driver.ts";
import { faceTerminalFaceSluiceHttp, faceTerminalFaceSluiceMqtt } from "./face-terminal/manifest.ts";
import { thermalExtinguisherModbusRtu } from "./thermal-extinguisher/manifest.ts";
import { throwCameraFaceSluiceHttp, throwCameraFaceSluiceMqtt } from "./throw-camera/manifest.ts";

/** Every dialect of every family. A new one is a file, a line here, and its tests. */
export const drivers: readonly DriverManifest[] = [
  faceTerminalFaceSluiceMqtt,
  faceTerminalFaceSluiceHttp,
  throwCameraFaceSluiceMqtt,
  throwCameraFaceSluiceHttp,
  thermalExtinguisherModbusRtu,
];
