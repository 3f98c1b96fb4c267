import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { birthSchema, gapSchema } from "../../gateway/uplink/contract.ts";
import { addsUp } from "../../gateway/uplink/ledger.ts";
import { CityRecorder, type Envelope } from "../support/city-recorder.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

describe("a database that is damaged while the gateway is off", { timeout: 90_000 }, () => {
  let city: Mosquitto;
  let line: FaultProxy;
  let recorder: CityRecorder;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let sender: RecordSender;

  beforeEach(async () => {
    city = await startMosquitto();
    line = await startFaultProxy(city.port);
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    site = await writeSite({ uplinkPort: line.port });
    gateway = await startGatewayProcess(site);
    const login = { deviceId: "1026700", username: "gate-east", password: "gate-secret-1" };
    const never = Number.POSITIVE_INFINITY;
    sender = new RecordSender({ port: site.brokerPort, ...login, denyEvery: 5, throwEvery: never });
  });
  afterEach(async () => {
    sender?.close();
    await gateway?.kill();
    await recorder?.stop();
    await line?.close();
    await city?.stop();
    site?.remove();
  });

  const births = (): Envelope[] => recorder.on("gateway").filter(({ type }) => type === "zhian.gateway.birth");
  const epochOf = (birth: Envelope | undefined): string => birthSchema.parse(birth?.data).lanes.events?.epoch ?? "";
  const damageSteps = (): unknown[] =>
    recorder.lane("alarms").flatMap(({ data }) => (data?.["subject"] === "gateway/log-damaged" ? [data["step"]] : []));
  const missing = (): string[] => {
    const got = recorder.recordIds();
    return [...sender.acknowledged].filter((id) => !got.has(id));
  };
  async function acknowledges(more: number): Promise<void> {
    const before = sender.acknowledged.size;
    await waitFor(`${more} records more`, () => sender.acknowledged.size >= before + more, 30_000);
  }

  it("is set aside and salvaged: a new epoch begins, what is lost is declared, an alarm tells, and records flow again", async () => {
    sender.start();
    await waitFor("live records at the city", () => recorder.recordIds().size > 50);
    line.cut();
    await acknowledges(2000);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    expect(await gateway.stop()).toBe(0);
    const old = epochOf(births().at(-1));
    const damaged = damage(join(site.dataDir, "zhian.db"));

    line.mend();
    gateway = await startGatewayProcess(site);
    await waitFor("the birth", () => births().length === 2);
    const fresh = epochOf(births().at(-1));
    expect(fresh).not.toBe(old);
    const aside = readdirSync(site.dataDir).filter((name) => name.startsWith("corrupt-"));
    expect(aside).toHaveLength(1);
    // All but the first page, whose change counter moves when it is looked into.
    const kept = readFileSync(join(site.dataDir, aside[0] ?? "", "zhian.db"));
    expect(kept.subarray(4096).equals(damaged.subarray(4096))).toBe(true);

    await waitFor("the alarm", () => damageSteps().includes("raised"));
    await waitFor("the declared gap", () => recorder.on("gaps").length > 0);
    sender.start();
    await acknowledges(50);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    const gaps = recorder.on("gaps").map(({ data }) => gapSchema.parse(data));
    for (const gap of gaps) expect(gap).toMatchObject({ epoch: old, reason: "damaged" });
    const declared = gaps.filter(({ lane }) => lane === "events").reduce((sum, { from, to }) => sum + to - from + 1, 0);
    await waitFor("all that is not declared lost at the city", () => missing().length <= declared);
    console.info(
      `${sender.acknowledged.size} records acknowledged, ${missing().length} lost with the damaged pages, ${declared} declared`,
    );
    expect(missing().length).toBeGreaterThan(0);
    expect(jumps(recorder.lane("events"), fresh)).toEqual([]);
    expect(jumps(recorder.lane("alarms"), fresh)).toEqual([]);
    expect(recorder.unreadable).toEqual([]);
    const { lanes } = birthSchema.parse(births().at(-1)?.data);
    for (const lane of [lanes.alarms, lanes.events]) expect(lane && addsUp(lane.ledger)).toBe(true);

    // The next start finds all in order, and says that too.
    expect(await gateway.stop()).toBe(0);
    gateway = await startGatewayProcess(site);
    await waitFor("the next birth", () => births().length === 3);
    expect(epochOf(births().at(-1))).toBe(fresh);
    await waitFor("the alarm to return", () => damageSteps().includes("returned"));
    expect(damageSteps()).toEqual(["raised", "returned"]);
  });
});

/** Turns every bit of 16 KiB from the observation nearest to the middle of the file. Answers with what is there then. */
function damage(path: string): Buffer {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"kind":"access.granted"', bytes.length / 2);
  expect(at).toBeGreaterThan(0);
  const turned = bytes.subarray(at, at + 16 * 1024).map((byte) => byte ^ 0xff);
  const file = openSync(path, "r+");
  writeSync(file, turned, 0, turned.length, at);
  closeSync(file);
  return readFileSync(path);
}

/** Places at which the numbers of an epoch do not go on by one. */
function jumps(lane: readonly Envelope[], epoch: string): string[] {
  const numbers = lane.filter((envelope) => envelope.epoch === epoch).map(({ sequence }) => Number(sequence));
  expect(numbers.length).toBeGreaterThan(0);
  return numbers.flatMap((number, i) => {
    const before = numbers[i - 1];
    return before === undefined || number === before + 1 ? [] : [`${before} → ${number}`];
  });
}
