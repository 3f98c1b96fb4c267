import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { ended, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const base = "zhian/v1/jinshuiwan/gw-01";
const application = "17c82e96-be03-4f38-aef3-f83d48582d97";
const device = (
  id: string,
  devEui: string,
) => `  - { id: ${id}, name: 地库灭火装置, driver: thermal-extinguisher, dialect: chirpstack-mqtt, zone: b3,
      options: { applicationId: ${application}, devEui: "${devEui}", username: lns, password: lora-secret-1,
        profile: lorawan-extinguisher-example } }`;

/** The event as ChirpStack's documentation prints it, for the device of that DevEUI and with those bytes. */
function event(devEui: string, bytes: readonly number[]): string {
  const fixture = new URL("../../drivers/thermal-extinguisher/fixtures/chirpstack-4-up.json", import.meta.url);
  const text = readFileSync(fixture, "utf8")
    .replaceAll("0101010101010101", devEui)
    .replace('"qg=="', JSON.stringify(Buffer.from(bytes).toString("base64")));
  const now = `${new Date().toISOString().slice(0, -1)}023242+00:00`;
  return text.replace(/"time": "[^"]+"/, `"time": "${now}"`).replace("3ac7e3c4", String(bytes[2]).padStart(8, "0"));
}

/** The gateway is ours; the city's broker and the clients are Mosquitto's. */
describe("a LoRaWAN server's bytes, published by mosquitto_pub", () => {
  let city: Mosquitto;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let subscriber: ChildProcess;
  const events: { data: Record<string, unknown> }[] = [];

  beforeAll(async () => {
    city = await startMosquitto();
    subscriber = spawn("mosquitto_sub", ["-p", String(city.port), "-V", "5", "-q", "1", "-t", `${base}/events`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let rest = "";
    subscriber.stdout?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) events.push(JSON.parse(part));
    });
    site = await writeSite({
      uplinkPort: city.port,
      devices: [device("ext-b1", "0101010101010101"), device("ext-b2", "0202020202020202")].join("\n"),
    });
    gateway = await startGatewayProcess(site);
  });
  afterAll(async () => {
    await gateway?.stop();
    if (subscriber !== undefined) await ended(subscriber);
    await city?.stop();
    site?.remove();
  });

  const publish = (devEui: string, payload: string, topic = "event/up") =>
    run("mosquitto_pub", [
      ...["-p", String(site.brokerPort), "-u", "lns", "-P", "lora-secret-1", "-i", "chirpstack", "-q", "1"],
      ...["-t", `application/${application}/device/${devEui}/${topic}`, "-m", payload],
    ]);
  const of = (deviceId: string, kind: string) =>
    events.map(({ data }) => data).filter((data) => data["deviceId"] === deviceId && data["kind"] === kind);

  test("one client speaks for two devices, and each is told as itself", async () => {
    await publish("0101010101010101", event("0101010101010101", [1, 0x00, 0xd7, 0x04, 0xba, 80, 0]));
    await publish("0202020202020202", event("0202020202020202", [1, 0x00, 0xdc, 0x00, 0x14, 80, 1]));
    await waitFor("both readings in the city", () => of("ext-b2", "thermal.reading").length === 1);
    expect(of("ext-b1", "thermal.reading")[0]?.["body"]).toEqual({ temperatureC: 21.5, pressureMpa: 1.21 });
    expect(of("ext-b2", "extinguisher.state")[0]?.["body"]).toMatchObject({ discharged: true });
    expect(of("ext-b1", "extinguisher.state")[0]?.["body"]).toMatchObject({ discharged: false });
  });

  test("the same event published again reaches the city once, and nothing of a device that is not configured does", async () => {
    const again = event("0101010101010101", [1, 0x00, 0xe1, 0x04, 0xba, 80, 0]);
    for (let copy = 0; copy < 3; copy += 1) await publish("0101010101010101", again);
    await publish("0909090909090909", event("0909090909090909", [1, 0x00, 0xe6, 0x04, 0xba, 80, 0])).catch(
      () => undefined,
    );
    await publish("0101010101010101", event("0101010101010101", [1, 0x00, 0xf0, 0x04, 0xba, 80, 0]));
    await waitFor("the last reading", () => of("ext-b1", "thermal.reading").length === 3);
    const readings = of("ext-b1", "thermal.reading").map(({ body }) => body);
    expect(readings).toMatchObject([{ temperatureC: 21.5 }, { temperatureC: 22.5 }, { temperatureC: 24 }]);
  });
});
