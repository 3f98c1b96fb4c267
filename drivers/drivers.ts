import type { DriverManifest } from "../gateway/ports/driver.ts";
import { dryContactGpio } from "./dry-contact/manifest.ts";
import { faceTerminalHikvisionIsapi } from "./face-terminal/hikvision-manifest.ts";
import { faceTerminalFaceSluiceHttp, faceTerminalFaceSluiceMqtt } from "./face-terminal/manifest.ts";
import { faceTerminalMappedHttp, faceTerminalMappedMqtt } from "./face-terminal/mapped-manifest.ts";
import { firePanelGstPrinter } from "./fire-panel/gst-printer-manifest.ts";
import { firePanelModbusRtu, firePanelModbusTcp } from "./fire-panel/modbus-manifest.ts";
import { opcUaClient } from "./opcua/manifest.ts";
import { thermalExtinguisherChirpStack } from "./thermal-extinguisher/chirpstack-manifest.ts";
import { thermalExtinguisherModbusRtu, thermalExtinguisherModbusTcp } from "./thermal-extinguisher/manifest.ts";
import { throwCameraAxisMqtt } from "./throw-camera/axis-manifest.ts";
import { throwCameraFrigateMqtt } from "./throw-camera/frigate-manifest.ts";
import { throwCameraHapi } from "./throw-camera/hapi-manifest.ts";
import { throwCameraHikvisionIsapi } from "./throw-camera/hikvision-manifest.ts";
import { throwCameraFaceSluiceHttp, throwCameraFaceSluiceMqtt } from "./throw-camera/manifest.ts";
import { throwCameraMappedHttp, throwCameraMappedMqtt } from "./throw-camera/mapped-manifest.ts";
import { throwCameraOnvifMqtt } from "./throw-camera/onvif-manifest.ts";

/** Every dialect of every family. A new one is a file, a line here, and its tests. */
export const drivers: readonly DriverManifest[] = [
  faceTerminalFaceSluiceMqtt,
  faceTerminalFaceSluiceHttp,
  faceTerminalHikvisionIsapi,
  throwCameraFaceSluiceMqtt,
  throwCameraFaceSluiceHttp,
  throwCameraHikvisionIsapi,
  throwCameraHapi,
  throwCameraOnvifMqtt,
  throwCameraAxisMqtt,
  throwCameraFrigateMqtt,
  throwCameraMappedMqtt,
  throwCameraMappedHttp,
  faceTerminalMappedMqtt,
  faceTerminalMappedHttp,
  thermalExtinguisherModbusRtu,
  thermalExtinguisherModbusTcp,
  thermalExtinguisherChirpStack,
  firePanelModbusRtu,
  firePanelModbusTcp,
  firePanelGstPrinter,
  dryContactGpio,
  opcUaClient,
];
