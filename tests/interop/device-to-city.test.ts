import { type ChildProcess, execFile, spawn } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contractErrors } from "../support/contract.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { ended, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { localTime } from "../support/record-sender.ts";
import { openSerialPair, type SerialPair } from "../support/serial-pair.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const base = "zhian/v1/jinshuiwan/gw-01";

interface Line {
  readonly topic: string;
  readonly message: { type: string; data: Record<string, unknown>; [name: string]: unknown };
}

/** Nothing here but the gateway is ours: Mosquitto's broker and tools, pymodbus, socat. */
describe("a real broker, a real terminal's bytes and a foreign Modbus slave", () => {
  let city: Mosquitto;
  let serial: SerialPair;
  let slave: ChildProcess;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let subscriber: ChildProcess;
  const lines: Line[] = [];

  beforeAll(async () => {
    city = await startMosquitto();
    serial = await openSerialPair();
    slave = spawn(
      "/usr/bin/python3",
      [resolve(import.meta.dirname, "pymodbus-slave.py"), serial.b, "17", "215", "1210", "0"],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let said = "";
    slave.stdout?.on("data", (chunk) => {
      said += String(chunk);
    });
    await waitFor("the pymodbus slave", () => said.includes("ready"));
    subscriber = spawn(
      "mosquitto_sub",
      ["-p", String(city.port), "-V", "5", "-q", "1", "-t", `${base}/#`, "-F", "%t\t%p"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let rest = "";
    subscriber.stdout?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const [topic = "", text = ""] = part.split("\t");
        if (text !== "") lines.push({ topic: topic.slice(base.length + 1), message: JSON.parse(text) });
      }
    });
    site = await writeSite({
      uplinkPort: city.port,
      serialLines: `serialLines:\n  - { id: rs485-1, path: ${serial.a}, baudRate: 9600, parity: none }`,
      devices: `  - { id: ext-b3-2f, name: 3栋2层灭火装置, driver: thermal-extinguisher, dialect: modbus-rtu, zone: b3-u1,
      options: { line: rs485-1, unit: 17, profile: generic-extinguisher } }`,
    });
    gateway = await startGatewayProcess(site);
  });

  afterAll(async () => {
    await gateway?.stop();
    if (subscriber !== undefined) await ended(subscriber);
    if (slave !== undefined) await ended(slave);
    await serial?.close();
    await city?.stop();
    site?.remove();
  });

  const events = (kind: string): Line[] => lines.filter((l) => l.topic === "events" && l.message.data["kind"] === kind);
  const alarms = (rule: string): Line[] => lines.filter((l) => l.topic === "alarms" && l.message.data["rule"] === rule);

  function publish(topic: string, user: string, password: string, message: unknown): Promise<unknown> {
    const login = ["-u", user, "-P", password, "-i", user];
    return run("mosquitto_pub", [
      "-p",
      String(site.brokerPort),
      ...login,
      "-q",
      "1",
      "-t",
      topic,
      "-m",
      JSON.stringify(message),
    ]);
  }

  test("a denied entry published by mosquitto_pub arrives as an event, and the third as an alarm", async () => {
    for (const RecordID of ["101", "102", "103"]) {
      await publish("mqtt/face/1026700/Rec", "gate-east", "gate-secret-1", {
        operator: "RecPush",
        info: {
          customId: "",
          personId: "3",
          RecordID,
          VerifyStatus: "2",
          PersonType: "0",
          similarity1: "83.000000",
          Sendintime: 1,
          personName: "王小明",
          facesluiceId: "1026700",
          idCard: "110101199003070000",
          telnum: " ",
          time: localTime(new Date()),
          isNoMask: "1",
          PushType: 0,
          targetPosInScene: [346, 0, 1572, 1080],
          pic: "data:image/jpeg;base64,AAAA",
        },
      });
    }
    const event = await waitFor("the denied entry", () => events("access.denied")[0]);
    expect(event.message).toMatchObject({
      specversion: "1.0",
      type: "zhian.observation",
      lane: "events",
      data: {
        deviceId: "gate-east",
        zoneId: "b3-u1",
        siteId: "jinshuiwan",
        sourceRecordId: "101",
        dialect: "facesluice-mqtt",
        body: { reason: "refused", delivery: "live" },
      },
    });
    const alarm = await waitFor("the alarm", () => alarms("access-denied-repeated")[0]);
    expect(alarm.message).toMatchObject({
      type: "zhian.alarm.transition",
      lane: "alarms",
      data: { step: "raised", subject: "gate-east", state: "active-unacknowledged" },
    });
  });

  test("a throw arrives as an event and, once for two reports, as an alarm", async () => {
    for (const second of [0, 1]) {
      const snapTime = localTime(new Date(Date.now() + second * 1000));
      await publish("mqtt/face/005a213b000b93cc/Snap", "cam-b3", "cam-secret-1", {
        operator: "ParabolicSnapPush",
        info: {
          deviceId: "005a213b000b93cc",
          deviceName: "ipc758732",
          snapTime,
          startTime: snapTime,
          endTime: snapTime,
          pic: "data:image/jpeg;base64,AAAA",
        },
      });
    }
    await waitFor("both reports", () => events("throw.detected").length === 2);
    const alarm = await waitFor("the alarm", () => alarms("thrown-object")[0]);
    expect(alarm.message).toMatchObject({ data: { step: "raised", severity: "major", zoneId: "b3" } });
    expect(alarms("thrown-object").filter((a) => a.message.data["step"] === "raised")).toHaveLength(1);
  });

  test("a rising temperature of a foreign Modbus slave arrives, and becomes a fire confirmed by the discharge", async () => {
    await waitFor("the first reading", () => events("thermal.reading")[0]);
    for (const tenths of [300, 450, 720]) {
      slave.stdin?.write(`0 ${tenths}\n`);
      await waitFor(`a reading of ${tenths / 10} °C`, () =>
        events("thermal.reading").some(
          (e) => (e.message.data["body"] as { temperatureC?: number }).temperatureC === tenths / 10,
        ),
      );
    }
    await waitFor("the fire", () => alarms("fire").some((a) => a.message.data["step"] === "raised"));
    slave.stdin?.write("2 1\n");
    await waitFor("the confirmed fire", () => alarms("fire").some((a) => a.message.data["certainty"] === "observed"));
    const active = lines.filter((l) => l.topic.startsWith("active/"));
    expect(active.length).toBeGreaterThan(0);
  });

  test("every message that left the gateway keeps the published contract, and none carries personal data", () => {
    expect(lines.flatMap(({ topic, message }) => contractErrors(topic, message))).toEqual([]);
    const all = JSON.stringify(lines);
    for (const canary of ["王小明", "110101199003070000", "base64"]) expect(all).not.toContain(canary);
  });
});
