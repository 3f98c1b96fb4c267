import { type LoadResult, loadConfig } from "../../config/load.ts";
import { drivers } from "../../drivers/drivers.ts";
import { channelSchema } from "../alarms/channels/channels.ts";
import { ruleSchemas } from "../fusion/rules.ts";

/** A configuration checked against all drivers and rules there are, with this process's environment. */
export function loadConfiguration(file: string): LoadResult {
  return loadConfig(file, { manifests: drivers, ruleSchemas, channelSchema, env: process.env, cwd: process.cwd() });
}
