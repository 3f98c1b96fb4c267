import { defineDriver } from "../../gateway/ports/driver.ts";
import { offersOf } from "./commands.ts";
import { type OpcUaOptions, opcUaOptions } from "./options.ts";
import { profileSchema } from "./profile.ts";

export const opcUaClient = defineDriver<OpcUaOptions>({
  driver: "opcua",
  dialect: "client",
  title: { zh: "OPC UA 服务器（消防主机、楼宇系统）", en: "OPC UA server (fire panel, building system)" },
  options: opcUaOptions,
  profile: ({ profile }) => profile,
  profileSchema,
  commands: (_options, profile) => offersOf(profileSchema.parse(profile)),
  // The session finds out by itself and sooner; this is for one that hangs.
  silentAfterMs: ({ keepAlive }) => 4 * keepAlive + 30_000,
  load: () => import("./client.ts"),
});
