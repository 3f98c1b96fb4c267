import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";
import { diffConfig } from "./diff.ts";
import type { GatewayConfig } from "./schema.ts";

let site: SiteFolder;
beforeEach(() => {
  site = new SiteFolder();
});
afterEach(() => site.remove());

const sample = `${sampleText.replace("generic-extinguisher", "own.yaml")}
people:
  - { id: li, name: 李明, phone: "+8613800000000" }
  - { id: wang, name: 王经理, email: wang@example.com }
groups:
  - id: duty
    name: 值班
    members: [li, wang]
    shifts:
      - { days: [mon, fri], from: "08:00", to: "20:00", members: [li] }
      - { from: "20:00", to: "08:00" }
  - { id: managers, name: 责任人, members: [wang] }
channels:
  - { id: hook, type: webhook, url: "https://property.example/alarms" }
  - { id: text, type: sms, line: modem }
escalation:
  tiers:
    1: { to: [duty], channels: [hook, text] }
    2: { to: [managers], channels: [text], after: 4m }
    3: {}
  bySeverity: { warning: { hours: { days: [sat], to: "24:00" } } }
`;

function good(text: string): GatewayConfig {
  const result = site.load(text);
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes, undefined, 1));
  return result.config;
}

function mistakes(...change: [string, string][]): readonly string[] {
  const result = site.load(change.reduce((text, [from, to]) => text.replace(from, to), sample));
  return result.ok
    ? []
    : result.mistakes.map(({ path, found, expected, hint }) => `${path}: ${found} | ${hint ?? expected}`);
}

describe("people, groups, channels and tiers", () => {
  it("are read with their defaults, times of day in minutes", () => {
    const { people, groups, channels, escalation } = good(sample);
    expect(people.map(({ id }) => id)).toEqual(["li", "wang"]);
    expect(groups[0]?.shifts).toEqual([
      { days: ["mon", "fri"], from: 480, to: 1200, members: ["li"] },
      { days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from: 1200, to: 480, members: [] },
    ]);
    expect(channels).toMatchObject([{ id: "hook", given: { type: "webhook" } }, { id: "text" }]);
    expect(escalation).toMatchObject({
      coolDown: 60_000,
      tiers: {
        1: { after: 0, unless: "acknowledged", repeatEvery: 300_000 },
        2: { after: 240_000 },
        3: { after: 600_000, city: true, to: [], channels: [] },
      },
      bySeverity: {
        critical: { upTo: 3, hours: "always" },
        minor: { upTo: 2 },
        warning: { upTo: 1, hours: { days: ["sat"], from: 480, to: 1440 } },
      },
    });
  });

  it("are not there where the file has none: nobody is pushed", () => {
    const config = good(sampleText.replace("generic-extinguisher", "own.yaml"));
    expect(config).toMatchObject({ people: [], groups: [], channels: [] });
    expect(config).not.toHaveProperty("escalation");
  });

  it.each<[string, [string, string], string]>([
    [
      "a member who is nobody",
      ["members: [li, wang]", "members: [li, wan]"],
      'groups[0].members[1]: "wan", no person | Did you mean `wang`?',
    ],
    [
      "a shift of somebody unknown",
      ["members: [li] }", "members: [lee] }"],
      'groups[0].shifts[0].members[0]: "lee", no person | ',
    ],
    [
      "a tier to no group",
      ["to: [managers]", "to: [manager]"],
      'escalation.tiers.2.to[0]: "manager", no group | Did you mean `managers`?',
    ],
    [
      "a tier through no channel",
      ["[hook, text]", "[hook, tex]"],
      'escalation.tiers.1.channels[1]: "tex", no channel | Did you mean `text`?',
    ],
    ["a person twice", ["id: wang", "id: li"], 'people[1].id: "li", as on line '],
    ["a channel of no type", ["type: sms", "type: smss"], "channels[1].type"],
    ["a time that is none", ['from: "08:00"', 'from: "8am"'], 'groups[0].shifts[0].from: "8am" | a time of day'],
    ["tiers in the wrong order", ["after: 4m", "after: 40m"], "escalation.tiers.3.after"],
    ["a phone number without its country", ["+8613800000000", "13800000000"], "people[0].phone"],
    ["a warning that goes up to tier 4", ["warning: {", "warning: { upTo: 4,"], "escalation.bySeverity.warning.upTo"],
  ])("%s is a mistake at its place", (_what, change, expected) => {
    const found = mistakes(change);
    expect(found.some((line) => line.startsWith(expected))).toBe(true);
  });

  it("take effect with a reload, named by their ids and without their values", () => {
    const next = good(
      sample.replace("+8613800000000", "+8613800000001").replace("after: 4m", "after: 5m").replace("值班", "保安"),
    );
    expect(diffConfig(good(sample), next)).toMatchObject({
      changed: ["escalation.tiers", "people.li", "groups.duty"],
      needsRestart: [],
    });
  });
});
