import { defineDriver } from "../../gateway/ports/driver.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import { type HapiOptions, hapiGrants, hapiOptions } from "./hapi-options.ts";

export const throwCameraHapi = defineDriver<HapiOptions>({
  driver: "throw-camera",
  dialect: "hapi",
  title: { zh: "高空抛物相机（HAPI 报警服务器）", en: "High-altitude-throw camera (HAPI alarm server)" },
  options: hapiOptions,
  http: hapiGrants,
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./hapi.ts"),
});
