import { defineDriver } from "../../gateway/ports/driver.ts";
import { isapiGrants, isapiSilence } from "../hikvision/options.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { type HikvisionCameraOptions, hikvisionCameraOptions } from "./hikvision-options.ts";

export const throwCameraHikvisionIsapi = defineDriver<HikvisionCameraOptions>({
  driver: "throw-camera",
  dialect: "hikvision-isapi",
  title: { zh: "高空抛物相机（海康 ISAPI、iSecure）", en: "High-altitude-throw camera (Hikvision ISAPI, iSecure)" },
  options: hikvisionCameraOptions,
  http: isapiGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: isapiSilence,
  load: () => import("./hikvision-isapi.ts"),
});
