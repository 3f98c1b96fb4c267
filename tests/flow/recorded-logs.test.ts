import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { addToken } from "../../gateway/console/tokens.ts";
import { CityRecorder } from "../support/city-recorder.ts";
import { zhian } from "../support/command-line.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { accepts, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

const alarmsSchema = z.object({ alarms: z.array(z.looseObject({ id: z.string(), acknowledged: z.boolean() })) });
const count = z.number().int().min(0);
const comparisonSchema = z.looseObject({
  same: count,
  raised: count,
  gone: count,
  earlier: count,
  later: count,
  outside: count,
  sameAlarms: z.array(z.looseObject({ alarmId: z.string(), raisedAt: z.iso.datetime() })),
});

let broker: Mosquitto;
let city: CityRecorder;
let site: SiteFiles;
let gateway: GatewayProcess;
let sender: RecordSender;
let token: string;

/** A gateway at a door where somebody is refused without end, and people on duty who react. */
beforeAll(async () => {
  broker = await startMosquitto();
  city = await CityRecorder.start(broker.url, "zhian/v1/jinshuiwan/gw-01");
  site = await writeSite({ uplinkPort: broker.port });
  gateway = await startGatewayProcess(site);
  await waitFor("the console", () => accepts(site.consolePort));
  token = addToken({ dataDir: site.dataDir, name: "test", role: "guard" });
  sender = new RecordSender({
    port: site.brokerPort,
    deviceId: "1026700",
    username: "gate-east",
    password: "gate-secret-1",
    window: 5,
  });
  sender.start();
  for (const act of ["close", "acknowledge", "close", "close"] as const) await reactTo(act);
});
afterAll(async () => {
  sender.close();
  await gateway.kill();
  await city.stop();
  await broker.stop();
  site.remove();
});

async function call(path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${site.consolePort}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function reactTo(act: "close" | "acknowledge"): Promise<void> {
  const alarm = await waitFor("an open alarm", async () =>
    alarmsSchema.parse(await call("/api/alarms")).alarms.find(({ acknowledged }) => act === "close" || !acknowledged),
  );
  await call(`/api/alarms/${alarm.id}/${act}`, act === "close" ? { disposition: "false" } : {});
}

async function replay(config: string) {
  const { code, out, err } = await zhian(["replay", "--config", config, "--json"]);
  expect([code, err]).toEqual([0, ""]);
  return comparisonSchema.parse(JSON.parse(out));
}

async function verify(...more: string[]) {
  const { code, out } = await zhian(["verify", "--config", site.configFile, "--json", ...more]);
  return { code, ...z.looseObject({ ok: z.boolean() }).parse(JSON.parse(out)) };
}

const raisedIds = (): unknown[] =>
  city
    .lane("alarms")
    .filter(({ data }) => data?.["step"] === "raised")
    .map(({ data }) => data?.["alarmId"]);

describe("the logs of a running gateway", () => {
  it("are verified while it writes, and the head that its birth message told is found in the chain", async () => {
    const birth = await waitFor("the birth", () => city.on("gateway").find((e) => e.type === "zhian.gateway.birth"));
    const head = z.string().parse(birth.data?.["alarmChainHead"]);
    expect(await verify("--head", head)).toMatchObject({
      code: 0,
      ok: true,
      found: 0,
      epoch: city.lane("alarms")[0]?.epoch,
    });
    expect(
      await verify(
        "--head",
        head.replace(/./, (c) => (c === "0" ? "1" : "0")),
      ),
    ).toMatchObject({
      code: 1,
      fault: { kind: "unknown-head" },
    });
  });

  it("are replayed while it writes: the same rules give the alarms that were raised live", async () => {
    const before = raisedIds();
    const { same, raised, gone, earlier, later, outside, sameAlarms } = await replay(site.configFile);
    expect({ raised, gone, earlier, later, outside }).toEqual({ raised: 0, gone: 0, earlier: 0, later: 0, outside: 0 });
    expect(same).toBeGreaterThanOrEqual(4);
    expect(sameAlarms.map(({ alarmId }) => alarmId)).toEqual(expect.arrayContaining(before));
  });

  it("are none of the reader's to change: the gateway goes on, and stops cleanly", async () => {
    const acknowledged = sender.acknowledged.size;
    await waitFor("more records", () => sender.acknowledged.size > acknowledged + 100);
    sender.pause();
    await waitFor("all answers", () => sender.settled);
    expect(gateway.log()).not.toMatch(/"level":"(error|fatal)"|"level":[56]0/);
    expect(await gateway.stop()).toBe(0);
  });
});

describe("the logs of a gateway that was stopped", () => {
  it("hold the same alarms, step by step, as the city has", async () => {
    const { same, ...rest } = await replay(site.configFile);
    expect(rest).toMatchObject({ raised: 0, gone: 0, earlier: 0, later: 0 });
    const steps = await waitFor("all steps", async () => {
      const head = z.object({ transitions: count }).parse(await verify()).transitions;
      return city.lane("alarms").length === head && head;
    });
    expect(steps).toBeGreaterThan(8);
    expect(same).toBe(raisedIds().length);
  });

  it("show what another rule would have made of them", async () => {
    const other = join(site.dir, "other.yaml");
    writeFileSync(other, `${readFileSync(site.configFile, "utf8")}\nrules: { access-denied-repeated: { count: 5 } }\n`);
    const { same, gone, earlier, later, outside, laterAlarms } = await replay(other);
    expect(later).toBeGreaterThan(0);
    expect(laterAlarms).toHaveLength(later);
    expect(same + gone + earlier + later + outside).toBe(raisedIds().length);
    const { code, out, err } = await zhian(["replay", "--config", other]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("门禁多次被拒  Repeated denied entry  gate-east");
    expect(out).not.toContain("\u001b");
  });
});
