import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

const folder = new URL("../../gateway/uplink/schemas/", import.meta.url);
const ajv = new Ajv2020({ allErrors: true, strict: false });
formats.default(ajv);
const validators = new Map<string, ValidateFunction>(
  readdirSync(folder).map((file) => [
    file.replace(".schema.json", ""),
    ajv.compile(JSON.parse(readFileSync(new URL(file, folder), "utf8"))),
  ]),
);

const place = /(?:^|\/)(alarms|events|gateway|gaps|(?:active|devices|zones|commands)\/[^/]+)$/;

/** Name of the schema for a topic, with what tells apart two types on one topic. */
function schemaOf(topic: string, message: unknown): string {
  const { type, specversion } =
    typeof message === "object" && message !== null ? (message as Record<string, unknown>) : {};
  const [kind = "", name = ""] = place.exec(topic)?.[1]?.split("/") ?? [];
  switch (kind) {
    case "alarms":
    case "events":
    case "active":
      return kind;
    case "devices":
      return "device";
    case "zones":
      return "zone";
    case "gaps":
      return "gap";
    case "gateway":
      return type === "zhian.gateway.death" ? "gateway-death" : "gateway-birth";
    case "commands":
      return `command-${name}`;
    default:
      return specversion === undefined ? "answer" : "answer-event";
  }
}

/** Every way in which a message of the uplink is not what its published JSON Schema says. */
export function contractErrors(topic: string, message: unknown): string[] {
  const name = schemaOf(topic, message);
  const validate = validators.get(name);
  if (validate === undefined) return [`${topic}: there is no schema ${name}`];
  if (validate(message)) return [];
  return (validate.errors ?? []).map(
    (e) => `${topic} is not ${name}: ${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params)}`,
  );
}

/**
 * Throws with every mistake where a payload is not what the published JSON Schema says. An empty one is a retained topic
 * that is emptied, and fine on such a topic.
 */
export function validateAgainstSchemas(topic: string, payload: string | Uint8Array): void {
  const text = typeof payload === "string" ? payload : new TextDecoder("utf-8", { fatal: true }).decode(payload);
  if (text === "" && /\/(active|devices|zones)\/[^/]+$/.test(topic)) return;
  const mistakes = contractErrors(topic, JSON.parse(text));
  if (mistakes.length > 0) throw new Error(`${mistakes.slice(0, 12).join("\n")}\n${text.slice(0, 400)}`);
}
