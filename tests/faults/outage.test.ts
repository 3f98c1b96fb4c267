import { readFileSync, writeFileSync } from "node:fs";
import mqtt from "mqtt";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { birthSchema } from "../../gateway/uplink/contract.ts";
import { addsUp } from "../../gateway/uplink/ledger.ts";
import { CityRecorder, type Envelope } from "../support/city-recorder.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { registersReply } from "../support/modbus-frames.ts";
import { ModbusPeer } from "../support/modbus-peer.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { forgetPeak, peakResidentBytes } from "../support/process-memory.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";
import { fillWithWaitingEvents } from "../support/waiting-events.ts";

const root = "zhian/v1/jinshuiwan/gw-01";
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** serialport's native binding takes a while to load for the first time. */
beforeAll(async () => {
  await import("serialport");
});

class Site {
  readonly city: Mosquitto;
  readonly line: FaultProxy;
  readonly files: SiteFiles;
  gateway: GatewayProcess | undefined;

  private constructor(city: Mosquitto, line: FaultProxy, files: SiteFiles) {
    this.city = city;
    this.line = line;
    this.files = files;
  }

  static async make(options: Omit<Parameters<typeof writeSite>[0], "uplinkPort"> = {}): Promise<Site> {
    const city = await startMosquitto();
    const line = await startFaultProxy(city.port);
    const files = await writeSite({ uplinkPort: line.port, ...options });
    const site = new Site(city, line, files);
    const text = readFileSync(files.configFile, "utf8");
    // So that a line that is half dead is found out within a test's patience.
    writeFileSync(files.configFile, text.replace("prefix: zhian/v1 }", "prefix: zhian/v1, keepAlive: 2s }"));
    endings.push(
      () => files.remove(),
      () => city.stop(),
      () => line.close(),
      () => site.gateway?.kill(),
    );
    return site;
  }

  async start(env: NodeJS.ProcessEnv = {}): Promise<GatewayProcess> {
    this.gateway = await startGatewayProcess(this.files, { env });
    return this.gateway;
  }

  async recorder(): Promise<CityRecorder> {
    const recorder = await CityRecorder.start(this.city.url, root);
    endings.push(() => recorder.stop());
    return recorder;
  }

  sender(denyEvery: number): RecordSender {
    const login = { deviceId: "1026700", username: "gate-east", password: "gate-secret-1" };
    const sender = new RecordSender({
      port: this.files.brokerPort,
      ...login,
      window: 50,
      denyEvery,
      throwEvery: Number.POSITIVE_INFINITY,
    });
    endings.push(() => sender.close());
    return sender;
  }

  /** State of the line as the gateway tells it; undefined while its console is not up yet. */
  async uplink(): Promise<string | undefined> {
    const answer = await fetch(`http://127.0.0.1:${this.files.consolePort}/readyz`).catch(() => undefined);
    if (answer === undefined) return undefined;
    return z.object({ uplink: z.string() }).parse(await answer.json()).uplink;
  }

  whenUplink(is: (state: string) => boolean, what: string): Promise<unknown> {
    return waitFor(what, async () => is((await this.uplink()) ?? "up"), 30_000);
  }
}

const isBirth = ({ type }: Envelope): boolean => type === "zhian.gateway.birth";
const births = (recorder: CityRecorder): Envelope[] => recorder.on("gateway").filter(isBirth);
const deaths = (recorder: CityRecorder): Envelope[] => recorder.on("gateway").filter((e) => !isBirth(e));

function everythingArrived(recorder: CityRecorder, sender: RecordSender): Promise<unknown> {
  return waitFor(
    "every acknowledged record at the city",
    () => {
      const got = recorder.recordIds();
      return [...sender.acknowledged].every((id) => got.has(id));
    },
    40_000,
  );
}

async function acknowledges(sender: RecordSender, more: number): Promise<void> {
  const before = sender.acknowledged.size;
  await waitFor(`${more} records more`, () => sender.acknowledged.size >= before + more, 60_000);
}

describe("an outage of the line to the city", { timeout: 120_000 }, () => {
  it("costs nothing: alarms come first when it is over, then everything in order and marked, across a kill in its middle", async () => {
    const clock = new SystemClock();
    let celsius = 30;
    const peer = await ModbusPeer.open(clock, (asked) => [
      { bytes: registersReply(asked, [celsius * 10, 1210, 0].slice(asked.address, asked.address + asked.count)) },
    ]);
    endings.push(
      () => clock.close(),
      () => peer.close(),
    );
    const site = await Site.make({
      serialLines: `serialLines:\n  - { id: rs485-1, path: ${peer.path}, baudRate: 115200 }`,
      devices: `  - { id: ext-b3-2f, name: 3栋2层灭火装置, driver: thermal-extinguisher, dialect: modbus-rtu, zone: b3-u1,
      options: { line: rs485-1, unit: 17, profile: generic-extinguisher } }`,
    });
    const recorder = await site.recorder();
    await site.start();
    const sender = site.sender(500);
    sender.start();
    await waitFor("a live record at the city", () => recorder.recordIds().size > 0);

    site.line.cut();
    await site.whenUplink((state) => state !== "up", "the line to be missed");
    await waitFor("the last will at the city", () => deaths(recorder).length > 0);
    const seenBefore = recorder.received.length;
    await acknowledges(sender, 1500);
    await site.gateway?.kill();
    const gateway = await site.start();
    await acknowledges(sender, 1500);
    celsius = 90;
    await waitFor("the fire", () => gateway.log().includes('"rule":"fire"'));
    await acknowledges(sender, 50);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    expect(recorder.received.length).toBe(seenBefore);
    const waited = sender.acknowledged.size;

    site.line.mend();
    await waitFor("the birth", () => births(recorder).length === 2, 40_000);
    await everythingArrived(recorder, sender);
    const after = recorder.received.slice(seenBefore).filter(({ topic }) => topic === "alarms" || topic === "events");
    const fireAt = after.findIndex(({ envelope }) => envelope.data?.["rule"] === "fire");
    const firstEvent = after.findIndex(({ topic }) => topic === "events");
    const alarms = after.filter(({ topic }) => topic === "alarms").length;
    console.info(
      `${waited} records acknowledged; after the outage the fire was message ${fireAt + 1} of ${after.length}, ` +
        `the first event message ${firstEvent + 1}; ${alarms} steps of alarms`,
    );
    expect(after.length).toBeGreaterThan(3000);
    expect(fireAt).toBeGreaterThanOrEqual(0);
    expect(fireAt).toBeLessThan(20);
    expect(firstEvent).toBe(alarms);
    expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);

    const { lanes } = birthSchema.parse(births(recorder)[1]?.data);
    for (const lane of [lanes.alarms, lanes.events]) {
      expect(lane && addsUp(lane.ledger)).toBe(true);
      expect(lane?.ledger.accepted).toBe(lane?.head);
      expect(lane?.ledger.pending).toBeGreaterThan(0);
    }
    expect(lanes.events?.ledger.pending).toBeGreaterThan(3000);
    const late = after.filter(({ topic, envelope }) => {
      return Number(envelope.sequence) <= ((topic === "alarms" ? lanes.alarms?.head : lanes.events?.head) ?? 0);
    });
    expect(late.length).toBeGreaterThan(3000);
    expect(late.filter(({ envelope }) => envelope.replayed !== true)).toEqual([]);

    // What comes now is live again.
    sender.start();
    await acknowledges(sender, 5);
    sender.pause();
    await everythingArrived(recorder, sender);
    expect(recorder.lane("events").at(-1)?.replayed).toBeUndefined();
  });

  it("is noticed though no connection breaks, and over by itself when the line thaws", async () => {
    const site = await Site.make();
    const recorder = await site.recorder();
    await site.start();
    const sender = site.sender(5);
    sender.start();
    await waitFor("a live alarm at the city", () => recorder.lane("alarms").length > 0);
    const frozenAt = performance.now();
    site.line.freeze();
    await acknowledges(sender, 500);
    await site.whenUplink((state) => state !== "up", "the line to be missed");
    console.info(
      `a frozen line was missed after ${((performance.now() - frozenAt) / 1000).toFixed(1)} s (keep-alive 2 s)`,
    );
    await waitFor("the last will at the city", () => deaths(recorder).length > 0);
    site.line.mend();
    await waitFor("the next birth", () => births(recorder).length === 2, 40_000);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    await everythingArrived(recorder, sender);
    expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
    expect(recorder.lane("events").some((e) => e.replayed === true)).toBe(true);
  });
});

describe("a gateway that is killed", () => {
  it("is dead for the city, for whoever looks later too, until it is born again", async () => {
    const site = await Site.make();
    const recorder = await site.recorder();
    await site.start();
    await waitFor("the birth", () => births(recorder).length === 1);
    await site.gateway?.kill();
    await waitFor("the last will", () => deaths(recorder).length === 1);
    expect(deaths(recorder)[0]).toMatchObject({
      type: "zhian.gateway.death",
      data: { state: "offline", reason: "lost" },
    });
    expect(await retainedAt(site.city, `${root}/gateway`)).toMatchObject({
      data: { state: "offline", reason: "lost" },
    });
    await site.start();
    await waitFor("the next birth", () => births(recorder).length === 2);
    expect(await retainedAt(site.city, `${root}/gateway`)).toMatchObject({ data: { state: "online" } });
  });
});

/** What one gets who subscribes only now. */
async function retainedAt(city: Mosquitto, topic: string): Promise<unknown> {
  const client = await mqtt.connectAsync(city.url);
  try {
    const got = new Promise<Buffer>((resolve) => {
      client.on("message", (_topic, payload, packet) => packet.retain && resolve(payload));
    });
    await client.subscribeAsync(topic, { qos: 1 });
    return JSON.parse((await got).toString("utf8"));
  } finally {
    await client.endAsync(true);
  }
}

describe("the memory of a gateway whose backlog goes out", { timeout: 120_000 }, () => {
  /** The most memory, bytes, that it takes from its start to the last of so many events at the city. */
  async function peakWith(events: number): Promise<number> {
    const site = await Site.make();
    await fillWithWaitingEvents(site.files.dataDir, events);
    const client = await mqtt.connectAsync(site.city.url);
    endings.push(() => client.endAsync(true));
    let got = 0;
    client.on("message", () => {
      got += 1;
    });
    await client.subscribeAsync(`${root}/events`, { qos: 0 });
    site.line.cut();
    // V8 leaves garbage lying about as long as there is room; with a bound it shows what is really held.
    const { child } = await site.start({ NODE_OPTIONS: "--max-old-space-size=128" });
    await site.whenUplink((state) => state === "down", "the line to be missed");
    forgetPeak(child.pid ?? 0);
    site.line.mend();
    await waitFor("the backlog at the city", () => got >= events, 60_000);
    const peak = peakResidentBytes(child.pid ?? 0);
    await site.gateway?.kill();
    return peak;
  }

  it("does not depend on its length", async () => {
    const [few, many] = [2_000, 100_000];
    const small = await peakWith(few);
    const large = await peakWith(many);
    const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
    console.info(`resident at most: ${mib(small)} MiB with ${few} events waiting, ${mib(large)} MiB with ${many}`);
    expect(large / small).toBeLessThan(1.3);
  });
});
