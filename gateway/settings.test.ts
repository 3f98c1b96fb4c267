import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import type { GatewayConfig } from "../config/schema.ts";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";
import { channelSchema } from "./alarms/channels/channels.ts";
import type { EscalationPolicy } from "./alarms/escalation/policy.ts";
import { escalationPolicy } from "./settings.ts";

const site = new SiteFolder();
afterAll(() => site.remove());
site.write("secrets/property-hook", "a-secret-of-the-hook");
const page = readFileSync(new URL("../docs/escalation.md", import.meta.url), "utf8");
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const base = sampleText.replace("generic-extinguisher", "own.yaml");

function policyOf(text: string): EscalationPolicy {
  const loaded = site.load(`${base}\n${text}`, { channelSchema });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  const config: GatewayConfig = loaded.config;
  if (config.escalation === undefined) throw new Error("no escalation in it");
  return escalationPolicy(config, config.escalation);
}

describe("the example of docs/escalation.md", () => {
  it("is accepted as it stands, and means what the page's table says", () => {
    const { tiers, bySeverity, coolDown, timeZone } = policyOf(example);
    expect([tiers[1].after, tiers[2]?.after, tiers[3]?.after]).toEqual([0, 180_000, 600_000]);
    expect([tiers[1].unless, tiers[2]?.unless, tiers[3]?.unless]).toEqual(Array(3).fill("acknowledged"));
    expect([coolDown, timeZone]).toEqual([60_000, "Asia/Shanghai"]);
    expect(bySeverity.critical).toEqual({ upTo: 3, after: { 2: 60_000, 3: 300_000 }, repeatEvery: 300_000 });
    expect(bySeverity.major).toEqual({ upTo: 3, after: {} });
    expect(bySeverity.minor).toEqual({ upTo: 2, after: {} });
    expect(bySeverity.warning).toMatchObject({ upTo: 1, hours: { from: 480, to: 1080 } });
  });

  it("makes no critical alarm later than another: a shorter time of the tier stands", () => {
    const sooner = policyOf(example.replace("after: 3m", "after: 30s").replace("after: 10m", "after: 45s"));
    expect(sooner.bySeverity.critical.after).toMatchObject({ 2: 30_000, 3: 45_000 });
    const own = policyOf(example.replace("warning: {", "critical: { after: { 2: 5m } }\n    warning: {"));
    expect(own.bySeverity.critical.after).toMatchObject({ 2: 300_000, 3: 300_000 });
  });
});
