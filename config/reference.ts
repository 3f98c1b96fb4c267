import type { z } from "zod";

type Json = z.core.JSONSchema.BaseSchema;

/** A page in Markdown that names every key of the configuration, made from its JSON Schema. */
export function referencePage(schema: Json): string {
  const top = Object.entries(schema.properties ?? {});
  const sections = top
    .filter(([name]) => name !== "rules" && name !== "devices" && name !== "channels")
    .map(([name, section]) => table(name, asJson(section), schema.required?.includes(name) === true));
  const device = asJson(asJson(schema.properties?.["devices"]).items);
  const rules = Object.entries(asJson(schema.properties?.["rules"]).properties ?? {});
  return [
    "# Configuration reference",
    "Every key with its default. Made from the schema (`zhian schema`); [configuration.md](configuration.md) tells how it is used.",
    ...sections,
    table("devices", { type: "array", items: { ...device, allOf: [] } }, false),
    channelTables(asJson(schema.properties?.["channels"])),
    "## Options by dialect",
    ...(device.allOf ?? []).flatMap((branch) => dialectTable(asJson(branch))),
    "## Rules",
    "Below `rules`. Every rule runs, also where it is not named.",
    ...rules.map(([name, rule]) => [`### \`${name}\``, rows(asJson(rule))].join("\n\n")),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

function table(name: string, section: Json, required: boolean): string {
  const items = section.type === "array" ? asJson(section.items) : section;
  const lead = [section.description, section.type === "array" ? "A list." : "", required ? "Required." : ""];
  return [`## \`${name}\``, lead.filter((each) => each !== undefined && each !== "").join(" "), rows(items)]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** One table a type of channel. */
function channelTables(channels: Json): string {
  const { oneOf, anyOf } = asJson(channels.items);
  const types = (oneOf ?? anyOf ?? [channels.items]).map(asJson);
  const typeOf = (type: Json): string => String(asJson(type.properties?.["type"]).const ?? "");
  return [
    "## `channels`",
    `${channels.description ?? ""} A list.`,
    ...types.map((type) => [`### \`${typeOf(type)}\``, rows(type)].join("\n\n")),
  ].join("\n\n");
}

function dialectTable(branch: Json): readonly string[] {
  const options = asJson(asJson(asJson(branch).then).properties?.["options"]);
  if (options.properties === undefined) return [];
  const when = asJson(branch.if).properties ?? {};
  const [driver, dialect] = [asJson(when["driver"]).const, asJson(when["dialect"]).const];
  return [[`### \`${String(driver)}\`, \`${String(dialect)}\``, options.description ?? "", rows(options)].join("\n\n")];
}

function rows(section: Json): string {
  const lines = leaves(section, "").map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return ["| key | value | default | meaning |", "|---|---|---|---|", ...lines].join("\n");
}

function leaves(section: Json, prefix: string): readonly string[][] {
  return Object.entries(section.properties ?? {}).flatMap(([name, child]) => {
    const json = asJson(child);
    const path = `${prefix}${name}`;
    const own = [
      `\`${path}\``,
      formOf(json),
      section.required?.includes(name) === true && json.default === undefined ? "required" : shownDefault(json.default),
      json.description ?? "",
    ];
    if (json.properties !== undefined) return leaves(json, `${path}.`);
    return json.type === "array" ? [own, ...leaves(asJson(json.items), `${path}[].`)] : [own];
  });
}

function shownDefault(value: unknown): string {
  if (value === undefined || (typeof value === "object" && Object.keys(value ?? {}).length === 0)) return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function formOf(json: Json): string {
  if (json.title !== undefined) return json.title;
  if (json.const !== undefined) return `\`${String(json.const)}\``;
  if (json.enum !== undefined) return json.enum.map((each) => `\`${String(each)}\``).join(" or ");
  if (json.anyOf !== undefined) {
    const forms = json.anyOf.map((each) => formOf(asJson(each)));
    return [...new Set(forms.filter((form, index) => index === 0 || form !== "text"))].join(" or ");
  }
  if (json.type === "array") return `list of ${formOf(asJson(json.items))}`;
  if (json.type === "integer" || json.type === "number") {
    const noun = json.type === "integer" ? "whole number" : "number";
    if (json.minimum === undefined && json.maximum === undefined) return noun;
    return json.maximum === undefined
      ? `${noun} from ${json.minimum}`
      : `${noun}, ${json.minimum ?? ""}–${json.maximum}`;
  }
  if (json.type === "boolean") return "true or false";
  if (json.type === "object") return "map";
  return "text";
}

function asJson(schema: unknown): Json {
  return isJson(schema) ? schema : {};
}

function isJson(schema: unknown): schema is Json {
  return typeof schema === "object" && schema !== null && !Array.isArray(schema);
}
