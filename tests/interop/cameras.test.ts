import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Frigate } from "../../simulators/cameras/frigate.ts";
import { OnvifCamera } from "../../simulators/cameras/onvif.ts";
import { cameraSample } from "../support/camera-samples.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { ended, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const base = "zhian/v1/jinshuiwan/gw-01";

interface Line {
  readonly topic: string;
  readonly message: { readonly data: Record<string, unknown> };
}

const bodySchema = z.object({ track: z.object({ points: z.array(z.object({ y: z.number() })) }).optional() });

const thrown = "RuleEngine/FacadeDetector/acme:ObjectThrown";
const entry = (id: string, dialect: string, options: object, driver = "throw-camera") =>
  `  - { id: ${id}, name: ${id}, driver: ${driver}, dialect: ${dialect}, zone: b3, options: ${JSON.stringify(options)} }`;
const account = (name: string) => ({ username: name, password: `${name}-secret` });
const frigate = (camera: string) => ({
  ...account("frigate"),
  camera,
  labels: ["thrown", "car"],
  detect: { width: 1280, height: 720 },
});

const token = "icc-0123456789abcdef";
const devices = [
  entry("onvif-spec", "onvif-mqtt", {
    ...account("onvif-spec"),
    topicPrefix: "MyDevice",
    events: [{ topic: "tns1:RuleEngine/LineDetector/Crossed", as: "throw", record: "ObjectId" }],
  }),
  entry("onvif-mac", "onvif-mqtt", {
    ...account("onvif-mac"),
    topicPrefix: "E4:30:22:F3:31:AA",
    events: [{ topic: "fireAlarm", as: "ignore" }],
  }),
  entry("onvif-sim", "onvif-mqtt", {
    ...account("onvif-sim"),
    topicPrefix: "sim/b3",
    events: [{ topic: thrown, when: { Rule: "Facade" }, active: { State: true }, as: "throw", record: "ObjectId" }],
  }),
  entry("axis-cam", "axis-mqtt", {
    ...account("axis-cam"),
    serial: "SERIAL",
    events: [{ topic: "onvif:Device/axis:IO/Port", active: { state: true }, as: "contact", role: "port" }],
  }),
  entry("frigate-door", "frigate-mqtt", frigate("front_door")),
  entry("frigate-facade", "frigate-mqtt", frigate("facade")),
  entry("box-b3", "mapped-mqtt", {
    ...account("box-b3"),
    topics: ["box/alarm"],
    mapping: {
      time: { at: "/t", format: "epoch-ms" },
      key: ["/id"],
      events: [{ when: [{ at: "/type", is: "抛物" }], as: "throw" }],
    },
  }),
  entry(
    "icc",
    "mapped-http",
    {
      token,
      reply: { body: '{"code":0}' },
      mapping: {
        time: { at: "/info/alarmDate", format: "epoch-s" },
        key: ["/info/alarmCode"],
        record: "/info/alarmCode",
        events: [{ when: [{ at: "/info/alarmType", is: 61 }], as: "granted", method: "face" }],
      },
    },
    "face-terminal",
  ),
].join("\n");

/** Mosquitto's tools play cameras by what public sources recorded of them; the gateway, its broker and its drivers are the real ones. */
describe("recorded messages of cameras, from mosquitto_pub through the embedded broker to the city", () => {
  let city: Mosquitto;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let ingestPort: number;
  let subscriber: ChildProcess;
  const lines: Line[] = [];

  beforeAll(async () => {
    city = await startMosquitto();
    subscriber = spawn("mosquitto_sub", [
      "-p",
      String(city.port),
      "-V",
      "5",
      "-q",
      "1",
      "-t",
      `${base}/#`,
      "-F",
      "%t\t%p",
    ]);
    let rest = "";
    subscriber.stdout?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const [topic = "", text = ""] = part.split("\t");
        if (text !== "") lines.push({ topic: topic.slice(base.length + 1), message: JSON.parse(text) });
      }
    });
    ingestPort = await freePort();
    site = await writeSite({ uplinkPort: city.port, devices, extra: `ingest: { listen: "127.0.0.1:${ingestPort}" }` });
    // An Axis device's topic with its sources has eleven levels.
    const config = readFileSync(site.configFile, "utf8");
    writeFileSync(site.configFile, config.replace("limits: {", "limits: { topicLevels: 20,"));
    gateway = await startGatewayProcess(site);
  });

  afterAll(async () => {
    await gateway?.stop();
    if (subscriber !== undefined) await ended(subscriber);
    await city?.stop();
    site?.remove();
  });

  const of = (deviceId: string, kind: string) =>
    lines.filter(
      ({ topic, message: { data } }) => topic === "events" && data["deviceId"] === deviceId && data["kind"] === kind,
    );
  const bodies = (deviceId: string, kind: string) => of(deviceId, kind).map(({ message }) => message.data["body"]);

  async function publish(user: string, topic: string, payload: string, more: readonly string[] = []): Promise<void> {
    const where = [
      "-p",
      String(site.brokerPort),
      "-u",
      user,
      "-P",
      `${user}-secret`,
      "-i",
      user,
      "-q",
      "1",
      "-t",
      topic,
    ];
    await run("mosquitto_pub", [...where, ...more, ...(payload === "" ? ["-n"] : ["-m", payload])]);
  }
  const sample = (user: string, name: string) => {
    const { topic, payload, retained } = cameraSample(name);
    return publish(user, topic, payload, retained ? ["-r"] : []);
  };

  test("the standard's own example is a throw, and its misprint costs the camera nothing", async () => {
    await sample("onvif-spec", "onvif-crossed-as-printed");
    await sample("onvif-spec", "onvif-crossed");
    await sample("onvif-spec", "onvif-crossed");
    await waitFor("the throw", () => of("onvif-spec", "throw.detected")[0]);
    // The same bytes twice are one record.
    await sample("onvif-spec", "onvif-temperature-high");
    expect(of("onvif-spec", "throw.detected")).toHaveLength(1);
    expect(of("onvif-spec", "throw.detected")[0]?.message.data).toMatchObject({
      sourceRecordId: "15",
      dialect: "onvif-mqtt",
    });
  });

  test("a relay whose topic keeps its prefixes, retained, is a contact; its deletion and its heartbeat are taken", async () => {
    await sample("onvif-mac", "hanwha-relay");
    await sample("onvif-mac", "hanwha-heartbeat");
    await sample("onvif-mac", "hanwha-simple-items");
    await publish("onvif-mac", cameraSample("hanwha-relay").topic, "", ["-r"]);
    await waitFor("both states", () => of("onvif-mac", "contact.state").length === 2);
    expect(bodies("onvif-mac", "contact.state")).toEqual([
      { active: true, role: "relay" },
      { active: false, role: "relay" },
    ]);
  });

  test("a port of an Axis device is a contact", async () => {
    await sample("axis-cam", "axis-port");
    await waitFor("the port", () => of("axis-cam", "contact.state")[0]);
    expect(bodies("axis-cam", "contact.state")).toEqual([{ active: false, role: "port" }]);
  });

  test("a recorded object of one camera of Frigate is that camera's alone, and Frigate's other topics are taken", async () => {
    await publish("frigate", "frigate/front_door/person/snapshot", "not really a picture", ["-r"]);
    await sample("frigate", "frigate-car");
    await waitFor("the object", () => of("frigate-door", "throw.detected")[0]);
    const other = cameraSample("frigate-car").payload.replaceAll("front_door", "facade").replaceAll("xy562v", "other1");
    await publish("frigate", "frigate/events", other);
    await sample("frigate", "frigate-update");
    await waitFor("the other camera's", () => of("frigate-facade", "throw.detected")[0]);
    expect(of("frigate-facade", "throw.detected").map(({ message }) => message.data["sourceRecordId"])).toEqual([
      "1659438905.489551-other1",
    ]);
    expect(of("frigate-door", "throw.detected")).toHaveLength(1);
  });

  test("JSON of no known dialect is a throw by its mapping", async () => {
    await publish("box-b3", "box/alarm", JSON.stringify({ type: "抛物", id: 1, t: String(Date.now()) }));
    await waitFor("the throw", () => of("box-b3", "throw.detected")[0]);
    expect(bodies("box-b3", "throw.detected")).toMatchObject([{ delivery: "live" }]);
    await waitFor("the alarm", () =>
      lines.some(({ topic, message }) => topic === "alarms" && message.data["rule"] === "thrown-object"),
    );
  });

  test("a platform's push by curl is a passage by its mapping, answered as it wants", async () => {
    const info = { alarmType: "61", alarmCode: "0b2d6a70", alarmDate: String(Math.floor(Date.now() / 1000)) };
    const push = (address: string, body: string) =>
      run("curl", [
        "-s",
        "-m",
        "10",
        "-w",
        " %{http_code}",
        "-H",
        "Content-Type: application/json",
        "-d",
        body,
        address,
      ]);
    const address = `http://127.0.0.1:${ingestPort}/ingest/icc?token=${token}`;
    expect((await push(address, JSON.stringify({ info }))).stdout).toBe('{"code":0} 200');
    expect((await push(address, "<xml/>")).stdout).toMatch(/400$/);
    expect((await push(address.replace("cdef", "cdee"), JSON.stringify({ info }))).stdout).toMatch(/40[13]$/);
    await waitFor("the passage", () => of("icc", "access.granted")[0]);
    expect(bodies("icc", "access.granted")).toEqual([{ delivery: "live", method: "face" }]);
  });

  test("a simulated ONVIF camera tells its states again after a cut, and a throw stays one throw", async () => {
    const login = { url: `mqtt://127.0.0.1:${site.brokerPort}`, ...account("onvif-sim") };
    const camera = new OnvifCamera({ ...login, topicPrefix: "sim/b3", throwTopic: thrown, reconnectEveryMs: 50 });
    try {
      camera.link.start();
      await waitFor("the connection", () => camera.link.connected);
      const source = { VideoSource: "1", Rule: "Facade" };
      camera.property(thrown, source, { State: false });
      camera.link.faults = { duplicates: true, noiseEvery: 2 };
      expect(camera.watch("brick", 9)).toBe(true);
      await waitFor("the throw", () => of("onvif-sim", "throw.detected")[0]);
      camera.link.cut();
      camera.link.start();
      await waitFor("the connection again", () => camera.link.connected);
      camera.event("Device/Trigger/Relay", { RelayToken: "R" }, { LogicalState: "active" });
      await waitFor("the relay, told after the states", () => of("onvif-sim", "contact.state")[0]);
      expect(bodies("onvif-sim", "throw.detected")).toMatchObject([{ delivery: "live" }]);
    } finally {
      camera.rest();
      await camera.link.stop();
    }
  });

  test("a simulated Frigate reports a fall at its third frame and its whole track at the end", async () => {
    const login = { url: `mqtt://127.0.0.1:${site.brokerPort}`, ...account("frigate") };
    const cameras = ["front_door", "facade"];
    const sim = new Frigate({
      ...login,
      cameras,
      fps: 20,
      maxDisappeared: 10,
      facade: { width: 1280, height: 720, metres: 40 },
    });
    try {
      sim.link.start();
      await waitFor("the connection", () => sim.link.connected);
      const before = of("frigate-facade", "throw.detected").length;
      const tracked = () => of("frigate-facade", "throw.detected").slice(before);
      const id = sim.watch("facade", "brick", 9);
      await waitFor("the track", () => tracked().length === 2);
      const [first, whole] = tracked().map(({ message }) => message.data);
      expect(first).toMatchObject({
        sourceRecordId: id,
        body: { delivery: "live", box: { frame: { width: 1280, unit: "px" } } },
      });
      expect(whole).toMatchObject({ sourceRecordId: id, body: { delivery: "live" } });
      const { track: { points: track } = { points: [] } } = bodySchema.parse(whole?.["body"]);
      expect(track.length).toBeGreaterThan(5);
      expect(track.every((point, n) => n === 0 || point.y >= (track[n - 1]?.y ?? 1))).toBe(true);
    } finally {
      sim.rest();
      await sim.link.stop();
    }
  });
});
