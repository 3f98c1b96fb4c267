import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../config/json-schema.ts";
import { loadConfig } from "../../config/load.ts";
import { referencePage } from "../../config/reference.ts";
import { drivers } from "../../drivers/drivers.ts";
import { channelSchema } from "../../gateway/alarms/channels/channels.ts";
import { ruleSchemas } from "../../gateway/fusion/rules.ts";
import { SiteFolder, sampleText } from "../support/sample-site.ts";

describe("docs/configuration-reference.md", () => {
  it("names every key as the schema has it (write it with: vitest run tests/architecture -u)", async () => {
    const page = referencePage(configJsonSchema(drivers, ruleSchemas, channelSchema));
    expect(page).toContain("`limits.maxPacket`");
    await expect(page).toMatchFileSnapshot("../../docs/configuration-reference.md");
  });
});

describe("the sample configuration", () => {
  it("is accepted as it stands by the drivers and rules there are", () => {
    const site = new SiteFolder();
    const file = site.write("zhian.yaml", sampleText);
    const result = loadConfig(file, { manifests: drivers, ruleSchemas, channelSchema, env: {}, cwd: site.dir });
    site.remove();
    expect(result).toMatchObject({ ok: true, warnings: [] });
  });

  it("is the one that docs/configuration.md shows", () => {
    const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    expect(page).toContain(sampleText.replace(/^# biome-ignore.*\n/, ""));
  });
});
