import { configJsonSchema } from "../../config/json-schema.ts";
import { drivers } from "../../drivers/drivers.ts";
import { channelSchema } from "../alarms/channels/channels.ts";
import { ruleSchemas } from "../fusion/rules.ts";
import { jsonSchemas } from "../uplink/write-schemas.ts";
import { say } from "./tell.ts";

/**
 * `zhian schema`: the JSON Schema of the configuration, for editors; with `commands` that of the city's commands, with
 * `messages` that of every message type, by name.
 */
export function schema({ commands, messages }: { readonly commands?: boolean; readonly messages?: boolean }): number {
  if (commands !== true && messages !== true) {
    say(JSON.stringify(configJsonSchema(drivers, ruleSchemas, channelSchema), undefined, 2));
    return 0;
  }
  const wanted = [...jsonSchemas()].filter(([file]) => messages === true || file.startsWith("command-"));
  const byName = wanted.map(([file, text]): [string, unknown] => [file.replace(".schema.json", ""), JSON.parse(text)]);
  say(JSON.stringify(Object.fromEntries(byName), undefined, 2));
  return 0;
}
