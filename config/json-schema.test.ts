// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a configuration writes its references so
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { sampleChannel, sampleManifests, sampleRules, sampleText } from "../tests/support/sample-site.ts";
import { configJsonSchema } from "./json-schema.ts";

const schema = configJsonSchema(sampleManifests, sampleRules, sampleChannel);
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const validate = ajv.compile(schema);
const complaints = (text: string): string[] => {
  validate(parse(text));
  return (validate.errors ?? []).filter(({ keyword }) => keyword !== "if").map(({ instancePath }) => instancePath);
};

describe("the JSON Schema for editors", () => {
  it("accepts the sample as it stands", () => {
    expect(complaints(sampleText)).toEqual([]);
  });

  it.each([
    ["a misspelt option of a dialect", "unit: 17", "unt: 17", "/devices/2/options"],
    ["a dialect of another driver", "dialect: modbus-rtu", "dialect: facesluice-mqtt", "/devices/2/dialect"],
    ["an unknown driver", "driver: throw-camera", "driver: drone", "/devices/1/driver"],
    [
      "a rule's parameter out of range",
      "rules:   {}",
      "rules: { fire: { staticThreshold: 999 } }",
      "/rules/fire/staticThreshold",
    ],
    ["an unknown key", "gateway: {", "gateway: { idd: x,", "/gateway"],
  ])("complains of %s", (_, from, to, path) => {
    expect(complaints(sampleText.replace(from, to))).toContain(path);
  });

  it("lets a reference stand where a number or a duration belongs", () => {
    const text = sampleText
      .replace("9600", '"${BAUD}"')
      .replace("rules:   {}", 'storage: { keepAlarms: "${KEEP:-9d}" }');
    expect(complaints(text)).toEqual([]);
    expect(complaints(sampleText.replace("9600", '"fast"'))).not.toEqual([]);
  });

  it("shows defaults in the words of the file", () => {
    expect(JSON.stringify(schema)).toContain('"default":"180d"');
  });
});
