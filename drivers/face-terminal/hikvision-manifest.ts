import { defineDriver } from "../../gateway/ports/driver.ts";
import { isapiGrants, isapiSilence } from "../hikvision/options.ts";
import { type HikvisionTerminalOptions, hikvisionTerminalOptions } from "./hikvision-options.ts";

export const faceTerminalHikvisionIsapi = defineDriver<HikvisionTerminalOptions>({
  driver: "face-terminal",
  dialect: "hikvision-isapi",
  title: { zh: "刷脸门禁终端（海康 ISAPI）", en: "Face-access terminal (Hikvision ISAPI)" },
  options: hikvisionTerminalOptions,
  http: isapiGrants,
  commands: ({ unlock }) =>
    unlock === undefined ? [] : [{ name: "unlock", title: { zh: "开门", en: "Open the door" }, actuates: true }],
  silentAfterMs: isapiSilence,
  load: () => import("./hikvision-isapi.ts"),
});
