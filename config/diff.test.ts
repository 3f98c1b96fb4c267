import { afterAll, describe, expect, it } from "vitest";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";
import { type ConfigDiff, diffConfig } from "./diff.ts";
import type { GatewayConfig } from "./schema.ts";

const site = new SiteFolder();
afterAll(() => site.remove());
const sample = sampleText.replace("generic-extinguisher", "own.yaml");

function load(text: string): GatewayConfig {
  const result = site.load(text);
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes));
  return result.config;
}
const changeOf = (from: string, to: string): ConfigDiff => diffConfig(load(sample), load(sample.replace(from, to)));

describe("a reload", () => {
  it("of the same file changes nothing", () => {
    expect(diffConfig(load(sample), load(sample))).toEqual({
      changed: [],
      needsRestart: [],
      devices: { added: [], removed: [], changed: [] },
    });
  });

  it.each([
    ["another data directory", "./data", "./other", "gateway.data"],
    ["another site id", "jinshuiwan,", "other,", "site.id"],
    ["another broker port", "127.0.0.1:1883", "127.0.0.1:1885", "broker.listen"],
    ["another console port", "127.0.0.1:8080", "127.0.0.1:8081", "console.listen"],
  ])("with %s needs a restart", (_, from, to, path) => {
    expect(changeOf(from, to)).toMatchObject({ changed: [path], needsRestart: [path] });
  });

  it.each([
    ["another city", "mqtt://127.0.0.1:1884", "mqtt://127.0.0.1:1999", "uplink.urls"],
    ["another threshold", "rules:   {}", "rules: { fire: { staticThreshold: 68 } }", "rules.fire"],
    ["another name of a zone", "name: 3栋 }", "name: 三栋 }", "zones.b3"],
    ["another speed of a line", "9600", "19200", "serialLines.rs485-1"],
  ])("with %s takes effect at once", (_, from, to, path) => {
    expect(changeOf(from, to)).toMatchObject({ changed: [path], needsRestart: [] });
  });

  it("names devices by id: added, removed, changed, also by their secret or profile alone", () => {
    const renamed = changeOf("id: cam-b3,", "id: cam-b4,");
    expect(renamed.devices).toEqual({ added: ["cam-b4"], removed: ["cam-b3"], changed: [] });
    const before = load(sample);
    site.write("secrets/gate-east", "another-canary");
    site.write("own.yaml", "registers:\n  - { name: pressure, function: 3, address: 9 }\npollEvery: 2s\n");
    const diff = diffConfig(before, load(sample));
    expect(diff.devices.changed).toEqual(["gate-east", "ext-b3-2f"]);
    expect(JSON.stringify(diff)).not.toContain("canary");
  });
});
