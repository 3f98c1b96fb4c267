import { z } from "zod";
import type { DriverManifest } from "../gateway/ports/driver.ts";
import { fileSchema } from "./schema.ts";

type Json = z.core.JSONSchema.BaseSchema;

/**
 * The JSON Schema (draft 7, which editors read best) of a configuration file. References between its parts and what a
 * `${…}` stands for are beyond it: `zhian check` knows more.
 */
export function configJsonSchema(
  manifests: readonly DriverManifest[],
  ruleSchemas: Readonly<Record<string, z.ZodType>>,
  channelSchema: z.ZodType,
): Json {
  const definitions: Record<string, Json> = {};
  const toJson = (schema: z.ZodType): Json => withDefinitionsIn(definitions, plainJson(schema));
  const whole = toJson(fileSchema);
  const device = whole.properties?.["devices"];
  const rules = Object.fromEntries(Object.entries(ruleSchemas).map(([name, schema]) => [name, toJson(schema)]));
  return {
    title: "zhian gateway configuration",
    ...whole,
    properties: {
      ...whole.properties,
      devices: { ...object(device), items: withDrivers(object(object(device).items), manifests, toJson) },
      channels: { ...object(whole.properties?.["channels"]), items: toJson(channelSchema) },
      rules: { ...object(whole.properties?.["rules"]), properties: rules, additionalProperties: false },
    },
    ...(Object.keys(definitions).length === 0 ? {} : { definitions }),
  };
}

/** What a part refers to within itself goes to the document's own definitions, under a name that no other part has. */
function withDefinitionsIn(all: Record<string, Json>, part: Json): Json {
  const { definitions, ...rest } = part;
  if (!isObject(definitions)) return part;
  const names = new Map(Object.keys(definitions).map((name, i) => [name, `part${Object.keys(all).length + i}`]));
  const renamed = (json: unknown): unknown => {
    if (Array.isArray(json)) return json.map(renamed);
    if (!isObject(json)) return json;
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => {
        const name = key === "$ref" && typeof value === "string" ? value.replace(/^#\/definitions\//, "") : undefined;
        const to = name === undefined ? undefined : names.get(name);
        return [key, to === undefined ? renamed(value) : `#/definitions/${to}`];
      }),
    );
  };
  for (const [name, to] of names) all[to] = object(renamed(Reflect.get(definitions, name)));
  return object(renamed(rest));
}

function plainJson(schema: z.ZodType): Json {
  const json = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    override: allowReference,
  });
  delete json.$schema;
  return json;
}

/** Where a number or a text of some form stands, a `${…}` may stand too. */
function allowReference({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }): void {
  // A pattern of JSON Schema has no flags.
  if (jsonSchema.pattern !== undefined && ignoresCase(zodSchema))
    jsonSchema.pattern = jsonSchema.pattern.replaceAll("a-z", "A-Za-z");
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  const strict = jsonSchema.type === "number" || jsonSchema.type === "integer" || jsonSchema.pattern !== undefined;
  if (!strict) return;
  const { title: _title, description: _description, default: _default, ...form } = jsonSchema;
  for (const key of Object.keys(form)) Reflect.deleteProperty(jsonSchema, key);
  jsonSchema.anyOf = [form, { type: "string", pattern: "\\$\\{.+\\}" }];
}

function ignoresCase(schema: z.core.$ZodTypes): boolean {
  return (schema._zod.def.checks ?? []).some(
    ({ _zod: { def } }) => "pattern" in def && def.pattern instanceof RegExp && def.pattern.ignoreCase,
  );
}

function withDrivers(item: Json, manifests: readonly DriverManifest[], toJson: (schema: z.ZodType) => Json): Json {
  const drivers = [...new Set(manifests.map((manifest) => manifest.driver))];
  const dialectsOf = (driver: string): readonly DriverManifest[] => manifests.filter((each) => each.driver === driver);
  return {
    ...item,
    properties: { ...item.properties, driver: { enum: drivers, description: "Family of the device." } },
    allOf: drivers.flatMap((driver): Json[] => [
      {
        if: where({ driver }),
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema names it so.
        then: { properties: { dialect: { enum: dialectsOf(driver).map((each) => each.dialect) } } },
      },
      ...dialectsOf(driver).map((manifest) => ({
        if: where({ driver, dialect: manifest.dialect }),
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema names it so.
        then: { properties: { options: { description: manifest.title.en, ...toJson(manifest.options) } } },
      })),
    ]),
  };
}

function where(values: Readonly<Record<string, string>>): Json {
  const properties = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { const: value }]));
  return { properties, required: Object.keys(values) };
}

function object(schema: unknown): Json {
  return isObject(schema) ? schema : {};
}

function isObject(schema: unknown): schema is Json {
  return typeof schema === "object" && schema !== null && !Array.isArray(schema);
}
