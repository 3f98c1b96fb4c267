import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { zhian } from "../../tests/support/command-line.ts";
import { alarmStep, openTestLogs } from "../../tests/support/log-fixture.ts";
import { SiteFolder, sampleText } from "../../tests/support/sample-site.ts";
import { Database } from "../log/database.ts";

let site: SiteFolder;
let file: string;
let head: string;
beforeEach(() => {
  site = new SiteFolder();
  file = site.write("zhian.yaml", sampleText);
});
afterEach(() => site.remove());

/** An alarm log of three steps, and no gateway on it. */
function fill(): void {
  const logs = openTestLogs(join(site.dir, "data"));
  logs.alarms.append([alarmStep("fire-0001", "raised", 1)]);
  head = logs.alarms.chainHead();
  logs.alarms.append([alarmStep("fire-0001", "updated", 2), alarmStep("fire-0001", "closed", 3)]);
  logs.close();
}

const verify = (...more: string[]) => zhian(["verify", "--config", file, ...more]);

describe("zhian verify", () => {
  it("says what it looked at and where the chain stands", async () => {
    fill();
    const { code, out, err } = await verify("--head", head.toUpperCase());
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("The alarm log is whole");
    expect(out).toMatch(/steps +3, from 1 to 3\n/);
    expect(out).toMatch(/alarms +1, of them 0 open\n/);
    expect(out).toMatch(/chain head +[0-9a-f]{64}\n/);
    expect(out).toMatch(/head given +stood after step 1\n/);
  });

  it("names the first step that does not hold, and what to do; nothing of it on standard output", async () => {
    fill();
    const intruder = new Database({ path: join(site.dir, "data/zhian.db") });
    intruder.exec("UPDATE alarm_log SET at = at + 1 WHERE seq = 2");
    intruder.close();
    const { code, out, err } = await verify();
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("step 2 is not what was written");
    expect(err).toContain("Keep a copy of the whole data directory");
    const json = await verify("--json");
    expect([json.code, json.err]).toEqual([1, ""]);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, fault: { kind: "changed", seq: 2 }, head: { seq: 1 } });
  });

  it("tells a head that is not in the chain from one that is", async () => {
    fill();
    const { code, err } = await verify("--head", "ab".repeat(32));
    expect(code).toBe(1);
    expect(err).toContain("the head that was given is not in the chain");
    expect(err).toContain("names the epoch");
  });

  it.each(["abc", "z".repeat(64)])("takes %s for no head", async (given) => {
    const { code, err } = await verify("--head", given);
    expect(code).toBe(2);
    expect(err).toContain("64 hexadecimal digits");
  });

  it("of a data directory on which no gateway ran says so", async () => {
    const { code, out, err } = await verify();
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("DATA_ABSENT");
    expect(err).toContain("ZHIAN_DATA");
  });

  it("of a file that is no database says so, and claims no repair", async () => {
    fill();
    const path = join(site.dir, "data/zhian.db");
    truncateSync(path, 0);
    writeFileSync(path, "x".repeat(8192));
    const { code, err } = await verify();
    expect(code).toBe(1);
    expect(err).toContain("DB_CORRUPT");
    expect(err).toContain("Nothing was changed");
  });

  it("lists the mistakes of a bad configuration", async () => {
    file = site.write("bad.yaml", sampleText.replace("kind: community", "kind: comunity"));
    expect(await verify()).toMatchObject({ code: 2, out: "", err: expect.stringContaining("site.kind") });
  });
});
