import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { zhian } from "../../tests/support/command-line.ts";
import { testSite, withDefaults } from "../../tests/support/fusion-bench.ts";
import { openTestLogs, temperature } from "../../tests/support/log-fixture.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { SiteFolder, sampleText } from "../../tests/support/sample-site.ts";
import { createAlarmDesk } from "../alarms/desk.ts";
import { startFusion } from "../fusion/fusion.ts";

let site: SiteFolder;
let file: string;
beforeEach(() => {
  site = new SiteFolder();
  file = site.write("zhian.yaml", sampleText);
});
afterEach(() => site.remove());

/** A slow fire, closed by a person, and a second one: what a gateway would have left on the disk. */
async function burn(): Promise<void> {
  const logs = openTestLogs(join(site.dir, "data"));
  const { clock } = logs;
  const telemetry = countingTelemetry();
  const desk = createAlarmDesk({ log: logs.alarms, clock, telemetry });
  const fusion = startFusion({
    log: logs.observations,
    rules: withDefaults(),
    site: testSite,
    clock,
    logger: quietLogger,
    telemetry,
    commit: (signals, checkpoint) => desk.take(signals, checkpoint),
  });
  const warm = async (celsius: number): Promise<void> => {
    await logs.observations.append([temperature(celsius)]);
    clock.advance(60_000);
  };
  for (const celsius of [50, 56, 62, 68]) await warm(celsius);
  for (const alarm of desk.open()) desk.close(alarm.id, { name: "wang", via: "console" }, "true");
  for (const celsius of [30, 30, 59]) await warm(celsius);
  fusion.stop();
  logs.close();
}

const replay = (...more: string[]) => zhian(["replay", "--config", file, ...more]);
/** The sample site with other parameters of its rules. */
function changeRules(rules: string): void {
  file = site.write("other.yaml", sampleText.replace(/^rules:.*$/m, `rules: ${rules}`));
}

describe("zhian replay", () => {
  it("finds with the same rules what was raised live", async () => {
    await burn();
    const { code, out, err } = await replay("--json");
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({
      ...{ same: 2, raised: 0, gone: 0, earlier: 0, later: 0, outside: 0, ruleErrors: 0 },
      sameAlarms: [
        { rule: "fire", subject: "ext-b3-2f", raisedAt: "2026-11-24T00:02:00.000Z" },
        { rule: "fire", subject: "ext-b3-2f", raisedAt: "2026-11-24T00:06:00.000Z" },
      ],
      ...{ raisedAlarms: [], goneAlarms: [], earlierAlarms: [], laterAlarms: [] },
      log: { observations: 7, firstSeq: 1, lastSeq: 7 },
    });
  });

  it("shows with other rules what would be different, in the words and the time of the site", async () => {
    await burn();
    changeRules("{ fire: { staticThreshold: 68, rateOfRise: 60 } }");
    const { code, out, err } = await replay();
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("金水湾小区: 7 observations, number 1 to 7");
    expect(out).toMatch(/ +later +1 /);
    expect(out).toMatch(/ +gone +1 /);
    expect(out).toContain("2026-11-24 08:03:00  火警  Fire  ext-b3-2f  1 min later");
    expect(out).toContain("2026-11-24 08:06:00  火警  Fire  ext-b3-2f\n");
  });

  it("takes alarms for one that lie within the time that is given", async () => {
    await burn();
    changeRules("{ fire: { staticThreshold: 68, rateOfRise: 60 } }");
    expect(JSON.parse((await replay("--within", "59s", "--json")).out)).toMatchObject({ raised: 1, gone: 2, later: 0 });
    expect(await replay("--within", "10")).toMatchObject({ code: 2, err: expect.stringContaining("for example 10m") });
  });

  it("of a log without observations says so", async () => {
    openTestLogs(join(site.dir, "data")).close();
    expect(await replay()).toMatchObject({ code: 0, out: expect.stringContaining("no observation") });
    expect(JSON.parse((await replay("--json")).out)).toMatchObject({
      same: 0,
      raised: 0,
      gone: 0,
      earlier: 0,
      later: 0,
    });
  });

  it("of a data directory on which no gateway ran, and of a bad configuration, says so", async () => {
    expect(await replay()).toMatchObject({ code: 1, out: "", err: expect.stringContaining("DATA_ABSENT") });
    changeRules("{ fire: { staticTreshold: 68 } }");
    expect(await replay()).toMatchObject({ code: 2, out: "", err: expect.stringContaining("`staticThreshold`") });
  });
});
