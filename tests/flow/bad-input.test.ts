import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { generate } from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { CityRecorder } from "../support/city-recorder.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { connectPacket, RawDevice } from "../support/ingress/raw-device.ts";
import { MetricsReader } from "../support/metrics-reader.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { forgetPeak, peakResidentBytes, residentBytes } from "../support/process-memory.ts";
import { localTime } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

const mib = 1024 * 1024;
const good = { id: "1026700", username: "gate-east", password: "gate-secret-1" };
const bad = { id: "1026799", username: "gate-west", password: "west-secret-1" };
const ownTopic = `mqtt/face/${bad.id}/Rec`;

function record(deviceId: string, RecordID: string, changed: object = {}): object {
  const info = { facesluiceId: deviceId, RecordID, VerifyStatus: "1", PersonType: "0", Sendintime: 1, PushType: 0 };
  return { operator: "RecPush", info: { ...info, time: localTime(new Date()), ...changed } };
}

/** Sends one record after another and waits for each acknowledgement, as a terminal does. */
class GoodTerminal {
  readonly acknowledged: string[] = [];
  /** The longest that it waited for one, ms. */
  slowestMs = 0;
  readonly #device: RawDevice;
  #stopping = false;
  readonly #running: Promise<void>;

  private constructor(device: RawDevice) {
    this.#device = device;
    this.#running = this.#run();
  }

  static async start(port: number): Promise<GoodTerminal> {
    return new GoodTerminal(await RawDevice.signedIn(port, { ...good, clientId: good.id }));
  }

  /** It is being served: records that it sent after this call are acknowledged. */
  async isServed(): Promise<void> {
    const before = this.acknowledged.length;
    await waitFor("the good terminal to be served", () => this.acknowledged.length >= before + 3);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#device.end();
  }

  async #run(): Promise<void> {
    for (let n = 1; !this.#stopping; n++) {
      const sentAt = performance.now();
      const payload = JSON.stringify(record(good.id, String(n)));
      this.#device.publish(`mqtt/face/${good.id}/Rec`, payload, 1, (n % 65_535) + 1);
      await this.#device.next("puback", n);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
      this.acknowledged.push(String(n));
    }
  }
}

interface Counter {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const quarantined = (reason: string): Counter => ({
  name: "zhian_ingress_quarantined_total",
  labels: { device: "gate-west", reason },
});
const refused = (reason: string): Counter => ({ name: "zhian_ingress_sign_ins_refused_total", labels: { reason } });
const fault = (reason: string): Counter => ({ name: "zhian_ingress_protocol_faults_total", labels: { reason } });

const deepArray = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const deepObject = `{"operator":"RecPush","info":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`;

/** Payloads on the device's own topic: taken, since nothing would become better by sending them again, and set aside. */
const payloads: readonly (readonly [what: string, payload: string | Buffer, reason: string])[] = [
  ["malformed JSON", '{"operator": "RecPush", info: }', "bad-json"],
  ["JSON that was cut short", JSON.stringify(record(bad.id, "2")).slice(0, -9), "bad-json"],
  ["nothing at all", "", "bad-json"],
  ["bytes that are not UTF-8", Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xa0, 0xa1, 0x80]), "bad-json"],
  ["a number instead of an object", "42", "wrong-shape"],
  ["arrays nested a hundred thousand deep", deepArray, "wrong-shape"],
  ["an operator that is no text", '{"operator": {"toString": 1}, "info": {}}', "wrong-shape"],
  ["objects nested five thousand deep", deepObject, "bad-access-record"],
  ["a record of wrong types", JSON.stringify(record(bad.id, "3", { VerifyStatus: [true] })), "bad-access-record"],
  ["a record without its content", '{"operator": "RecPush"}', "bad-access-record"],
  ["an unknown operator", JSON.stringify({ operator: "FormatDisk", info: {} }), "unknown-operator"],
  ["the id of another device", JSON.stringify(record(good.id, "4")), "foreign-id"],
];

describe("bad input", { timeout: 60_000 }, () => {
  let city: Mosquitto;
  let recorder: CityRecorder;
  let site: SiteFiles;
  let metrics: MetricsReader;
  let gateway: GatewayProcess;
  let terminal: GoodTerminal;
  const opened: RawDevice[] = [];

  beforeAll(async () => {
    city = await startMosquitto();
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    site = await writeSite({
      uplinkPort: city.port,
      devices: `  - { id: gate-west, name: 西门人脸机, driver: face-terminal, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: "${bad.id}", username: ${bad.username}, password: ${bad.password} } }`,
    });
    metrics = new MetricsReader(site);
    gateway = await startGatewayProcess(site);
    terminal = await GoodTerminal.start(site.brokerPort);
  });
  afterAll(async () => {
    await terminal?.stop();
    for (const device of opened) device.end();
    await gateway?.kill();
    await recorder?.stop();
    await city?.stop();
    site?.remove();
  });

  async function signedIn(clientId: string): Promise<RawDevice> {
    const device = await RawDevice.signedIn(site.brokerPort, { ...bad, clientId });
    opened.push(device);
    return device;
  }

  function unknown(): RawDevice {
    const device = new RawDevice(site.brokerPort);
    opened.push(device);
    return device;
  }

  /** Does it, and expects that it is counted there, that the gateway lives and that the good terminal is served. */
  async function counts({ name, labels }: Counter, act: () => Promise<unknown>): Promise<void> {
    const before = await metrics.value(name, labels);
    await act();
    await waitFor(`${name} ${JSON.stringify(labels)} to count it`, async () => {
      return (await metrics.value(name, labels)) > before;
    });
    await terminal.isServed();
    expect(gateway.child.exitCode).toBeNull();
  }

  it.each(payloads)("%s is acknowledged, set aside and counted", async (what, payload, reason) => {
    const device = await signedIn(what);
    await counts(quarantined(reason), async () => {
      device.publish(ownTopic, payload, 1, 7);
      await device.next("puback");
    });
    expect(device.closed).toBe(false);
    device.end();
  });

  const foreignTopics = [`mqtt/face/${good.id}/Rec`, "zhian/v1/jinshuiwan/gw-01/alarms", `${ownTopic}/more`];
  it.each(foreignTopics)(
    "a message on %s, where the device may not speak, gets no acknowledgement but the door",
    async (topic) => {
      const device = await signedIn(`on ${topic}`);
      await counts(quarantined("forbidden-topic"), async () => {
        device.publish(topic, JSON.stringify(record(good.id, "5")), 1, 7);
        await device.wasCut();
      });
      expect(device.acknowledged()).toEqual([]);
    },
  );

  it.each([
    ["two hundred levels", new Array(200).fill("a").join("/")],
    ["a wildcard", "mqtt/face/+/Rec"],
  ])("a message on a topic with %s gets the door", async (what, topic) => {
    const device = await signedIn(what);
    await counts(fault("protocol"), async () => {
      device.send(publishBytes(topic));
      await device.wasCut();
    });
    expect(device.acknowledged()).toEqual([]);
  });

  it.each(["#", "mqtt/face/+/Rec", `mqtt/face/${good.id}`])(
    "a subscription to %s is refused and hears nothing",
    async (topic) => {
      const device = await signedIn(`listens to ${topic}`);
      await counts({ name: "zhian_ingress_subscriptions_refused_total", labels: { device: "gate-west" } }, async () => {
        device.send(generate({ cmd: "subscribe", messageId: 3, subscriptions: [{ topic, qos: 1 }] }));
        expect(await device.next("suback")).toMatchObject({ granted: [128] });
      });
      expect(device.of("publish")).toEqual([]);
      device.end();
    },
  );

  const knocks: readonly (readonly [
    what: string,
    signIn: Parameters<typeof connectPacket>[0],
    code: number,
    reason: string,
  ])[] = [
    ["a device that nobody configured", { username: "gate-nowhere", password: "what-ever-1" }, 4, "unknown-user"],
    ["a device without a name", {}, 4, "unknown-user"],
    ["a wrong password", { username: "cam-b3", password: "cam-secret-2" }, 4, "wrong-password"],
    ["another device's client id", { ...bad, clientId: good.id }, 2, "client-id-taken"],
    [
      "a last will on another's topic",
      { ...bad, will: { topic: `mqtt/face/${good.id}/Rec`, payload: Buffer.from("{}"), qos: 1, retain: false } },
      5,
      "will-forbidden",
    ],
  ];
  it.each(knocks)("%s does not get in", async (_what, signIn, returnCode, reason) => {
    const device = unknown();
    await counts(refused(reason), async () => {
      device.send(connectPacket(signIn));
      expect(await device.next("connack")).toMatchObject({ returnCode });
      await device.wasCut();
    });
  });

  const firstBytes: readonly (readonly [what: string, bytes: Buffer, reason: string])[] = [
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"), "not-connect-first"],
    ["a CONNECT of 150 MiB", Buffer.from([0x10, 0x80, 0x80, 0x80, 0x4b]), "too-big"],
    ["a length that does not end", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff]), "malformed-length"],
  ];
  it.each(firstBytes)("%s as the first that is said gets the door", async (_what, bytes, reason) => {
    const device = unknown();
    await counts(fault(reason), async () => {
      device.send(bytes);
      await device.wasCut();
    });
  });

  it("eight connections that announce 150 MiB each and begin to send them cost no memory", async () => {
    const pid = gateway.child.pid ?? 0;
    const before = residentBytes(pid);
    forgetPeak(pid);
    let taken = 0;
    await counts(fault("too-big"), async () => {
      const devices = await Promise.all(Array.from({ length: 8 }, (_, i) => signedIn(`big ${i}`)));
      taken = (await Promise.all(devices.map(pour))).reduce((sum, bytes) => sum + bytes, 0);
    });
    const peak = peakResidentBytes(pid);
    const shown = [before, peak, residentBytes(pid), taken].map((bytes) => (bytes / mib).toFixed(1));
    console.info(
      `8 × 150 MiB announced: resident ${shown[0]} MiB before, ${shown[1]} at most, ${shown[2]} after; ${shown[3]} MiB left our side`,
    );
    expect(peak - before).toBeLessThan(48 * mib);
  });

  it("leaves the bad device itself free to send a good record, and nothing else of it reached the city", async () => {
    const device = await signedIn("at last");
    device.publish(ownTopic, JSON.stringify(record(bad.id, "west-good")), 1, 1);
    await device.next("puback");
    await terminal.stop();
    await waitFor("every acknowledged record at the city", () => {
      const got = recorder.recordIds();
      return got.has("west-good") && terminal.acknowledged.every((id) => got.has(id));
    });
    const facts = recorder.lane("events").map(({ data }) => data ?? {});
    const ofWest = facts.filter(
      (fact) => fact["deviceId"] === "gate-west" && !String(fact["kind"]).startsWith("device.o"),
    );
    expect(ofWest.map((fact) => fact["sourceRecordId"])).toEqual(["west-good"]);
    const ofEast = facts.filter((fact) => fact["deviceId"] === "gate-east" && fact["kind"] !== "device.online");
    expect(ofEast.map((fact) => fact["sourceRecordId"])).toEqual(terminal.acknowledged);
    expect(recorder.lane("alarms").map(({ data }) => data?.["rule"])).toEqual([]);
    expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
    expect(await metrics.value("zhian_telemetry_undeclared_total")).toBe(0);
    console.info(
      `${terminal.acknowledged.length} records of the good terminal, the slowest acknowledged after ${terminal.slowestMs.toFixed(0)} ms`,
    );
  });
});

/** Mistakes of eleven kinds; below is the text that each has to point at. */
const faultyText = `site:    { id: jinshuiwan, name: 金水湾小区, kind: comunity, timezone: Asia/Shangai }
gateway: { id: gw-01, data: ./data }
broker:  { listen: "127.0.0.1:99999", limits: { maxPacket: 4 elephants } }
uplink:  { urls: ["http://127.0.0.1:1884"], prefix: zhian/v1 }
consle:  { listen: "127.0.0.1:8080" }
zones:
  - { id: b3, name: 3栋 }
  - { id: b3, name: 又一个3栋 }
devices:
  - { id: gate-east, name: 东门人脸机, driver: face-terminl, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: "1026700", username: gate-east, password: "\${file:secrets/gate-east}" } }
  - { id: gate-west, name: 西门人脸机, driver: face-terminal, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: 1026799, username: gate-west, password: west-secret-1 } }
rules:   { fire: { staticThreshold: hot } }
`;
const expectedMistakes: readonly (readonly [path: string, at: string, found: string, expected: string])[] = [
  ["site.kind", "comunity", '"comunity"', "one of community, unit, campus"],
  ["site.timezone", "Asia/Shangai", '"Asia/Shangai"', "an IANA time zone"],
  ["broker.listen", '"127.0.0.1:99999"', '"127.0.0.1:99999"', "HOST:PORT"],
  ["broker.limits.maxPacket", "4 elephants", '"4 elephants"', "a size with its unit"],
  ["uplink.urls[0]", '"http:', '"http://127.0.0.1:1884"', "mqtts://"],
  ["consle", "consle", "the key `consle`", "console"],
  ["zones[1].id", "b3, name: 又", '"b3", as on line 7', "another id"],
  ["devices[0].driver", "face-terminl", '"face-terminl", no driver', "face-terminal"],
  ["devices[0].options.password", '"${file', "no such file", "a readable text file"],
  ["devices[1].options.deviceId", "1026799", "1026799", "text in quotes"],
  ["rules.fire.staticThreshold", "hot", '"hot"', "a number"],
];

describe("a configuration with eleven mistakes", () => {
  it("is refused with all of them at once, each with its place, what was found and what was expected", async () => {
    const dir = mkdtempSync(join(tmpdir(), "zhian-mistakes-"));
    const file = join(dir, "zhian.yaml");
    writeFileSync(file, faultyText);
    const main = resolve(import.meta.dirname, "../../gateway/main.ts");
    const outcome = await new Promise<{ code: number | null; out: string }>((done) => {
      const child = execFile(process.execPath, [main, "check", "--json", file], (_error, out) =>
        done({ code: child.exitCode, out }),
      );
    });
    rmSync(dir, { recursive: true });
    expect(outcome.code).toBe(2);
    const { ok, mistakes } = checkResultSchema.parse(JSON.parse(outcome.out));
    expect(ok).toBe(false);
    expect(mistakes.map(({ path }) => path)).toEqual(expectedMistakes.map(([path]) => path));
    const lines = faultyText.split("\n");
    for (const [i, [, at, found, expected]] of expectedMistakes.entries()) {
      const mistake = mistakes[i];
      const from = (mistake?.column ?? 0) - 1;
      expect(lines[(mistake?.line ?? 0) - 1]?.slice(from, from + at.length)).toBe(at);
      expect(mistake).toMatchObject({ file, found: expect.stringContaining(found) });
      expect(mistake?.expected).toContain(expected);
    }
  });
});

const checkResultSchema = z.object({
  ok: z.boolean(),
  mistakes: z.array(
    z.object({
      file: z.string(),
      line: z.number(),
      column: z.number(),
      path: z.string(),
      found: z.string(),
      expected: z.string(),
    }),
  ),
});

/** A PUBLISH with QoS 1 by hand: the packet library refuses to write such topics. */
function publishBytes(topic: string): Buffer {
  const rest = Buffer.concat([
    Buffer.from([topic.length >> 8, topic.length & 0xff]),
    Buffer.from(topic),
    Buffer.from([0, 7]),
    Buffer.from("{}"),
  ]);
  return Buffer.concat([Buffer.from([0x32, (rest.length & 0x7f) | 0x80, rest.length >> 7]), rest]);
}

/** Announces a PUBLISH of 150 MiB and sends it until it is cut off. Answers with the bytes that the system took. */
async function pour(device: RawDevice): Promise<number> {
  const chunk = Buffer.alloc(mib, 0x20);
  device.send(Buffer.from([0x32, 0x80, 0x80, 0x80, 0x4b]));
  for (let sent = 0; sent < 150 && !device.closed; sent++) {
    await new Promise<void>((done) => device.socket.write(chunk, () => done()));
  }
  await device.wasCut();
  return device.socket.bytesWritten;
}
