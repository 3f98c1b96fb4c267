import { writeFileSync } from "node:fs";
import { z } from "zod";
import { messageSchemas } from "./contract.ts";

/**
 * JSON Schema (draft 2020-12) of every message type, by file name: commands as the city writes them, the rest as it
 * reads them. Run this file to write them to schemas/.
 */
export function jsonSchemas(): ReadonlyMap<string, string> {
  const files = Object.entries(messageSchemas).map(([name, schema]): [string, string] => {
    const { $schema, ...body } = z.toJSONSchema(schema, {
      io: name.startsWith("command-") ? "input" : "output",
      override: ({ zodSchema, jsonSchema }) => speakPlainly(zodSchema, jsonSchema),
    });
    const whole = { $schema, $id: `urn:zhian:uplink:v1:${name}`, title: name, ...body };
    return [`${name}.schema.json`, `${JSON.stringify(whole, undefined, 2)}\n`];
  });
  return new Map(files);
}

/** JSON Schema patterns have no flags, so a pattern without case spells both; times are known by their format. */
function speakPlainly(schema: z.core.$ZodTypes, json: z.core.JSONSchema.BaseSchema): void {
  if (json.format === "date-time") json.pattern = "Z$";
  else if (json.pattern !== undefined && patternsOf(schema).some((pattern) => pattern.ignoreCase)) {
    json.pattern = json.pattern.replaceAll("a-z", "A-Za-z");
  }
}

function patternsOf(schema: z.core.$ZodTypes): readonly RegExp[] {
  return (schema._zod.def.checks ?? []).flatMap(({ _zod: { def } }) =>
    "pattern" in def && def.pattern instanceof RegExp ? [def.pattern] : [],
  );
}

if (import.meta.main) {
  for (const [file, text] of jsonSchemas()) writeFileSync(new URL(`schemas/${file}`, import.meta.url), text);
}
