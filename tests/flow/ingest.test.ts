import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../config/load.ts";
import { drivers } from "../../drivers/drivers.ts";
import { channelSchema } from "../../gateway/alarms/channels/channels.ts";
import { type Heard, snippetFor } from "../../gateway/domain/device-snippet.ts";
import { ruleSchemas } from "../../gateway/fusion/rules.ts";
import { CityRecorder } from "../support/city-recorder.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { HttpDevice, requestBytes } from "../support/ingress/http-device.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const hapi = `  - { id: cam-hapi, name: 5栋高抛相机, driver: throw-camera, dialect: hapi, zone: b3,
      options: { deviceId: SN-5, username: cam-hapi, password: "\${file:secrets/cam-b3}" } }`;
const path = "/HAPI/V1.0/Event/Notification";

/** The falling-object notification as the camera's firmware writes it. */
const notification = (TimeStamp: number, OccurFlag = "true") =>
  JSON.stringify({
    ...{ AlarmType: "ObjectDetect", AlarmSubType: "FallingObjectsDetectionAlarm", TimeStamp },
    ...{ LocalTime: "2026-11-24 08:00:00", ChannelNo: 0, NotificationType: 0, OccurFlag, DeviceID: "SN-5" },
    AlarmInfo: { image: null, ObjectDetectInfo: null },
  });

async function startSite() {
  const city: Mosquitto = await startMosquitto();
  closing.push(() => city.stop());
  const ingestPort = await freePort();
  const site: SiteFiles = await writeSite({
    uplinkPort: city.port,
    devices: hapi,
    extra: `ingest: { listen: "127.0.0.1:${ingestPort}" }`,
  });
  closing.push(() => site.remove());
  const recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
  closing.push(() => recorder.stop());
  const gateway: GatewayProcess = await startGatewayProcess(site);
  closing.push(() => gateway.kill());
  return { site, ingestPort, recorder, gateway, url: `http://127.0.0.1:${ingestPort}` };
}

describe("a camera that pushes over HTTP", () => {
  it("has its throw at the city, whether it reads the answer or not; a killed gateway loses nothing that it answered", {
    timeout: 60_000,
  }, async () => {
    const { site, ingestPort, recorder, gateway, url } = await startSite();
    const curl = async (body: string, who = "cam-hapi:cam-secret-1") => {
      const args = ["-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--digest", "-u", who, "-d", body];
      return (await run("curl", [...args, `${url}${path}`])).stdout;
    };
    const now = Math.floor(Date.now() / 1000);
    expect(await curl(notification(now))).toBe("200");
    expect(await curl(notification(now + 1), "cam-hapi:wrong")).toBe("401");
    const hasty = new HttpDevice(ingestPort);
    const basic = `Basic ${Buffer.from("cam-hapi:cam-secret-1").toString("base64")}`;
    const headers = { authorization: basic, "content-type": "application/x-www-form-urlencoded" };
    hasty.socket.end(requestBytes({ path, headers, body: notification(now + 2) }));
    await waitFor("both throws at the city", () => throwsIn(recorder) === 2);
    expect(await curl(notification(now + 60))).toBe("200");
    await gateway.kill();
    const again = await startGatewayProcess(site);
    closing.push(() => again.kill());
    await waitFor("the third throw at the city", () => throwsIn(recorder) === 3);
    expect(await curl(notification(now + 60))).toBe("200");
    expect(recorder.faults("events")).toEqual([]);
    expect(again.log()).not.toContain("cam-secret-1");
  });

  it("is known after a reload that names it, without a restart, and nobody after one that does not", {
    timeout: 60_000,
  }, async () => {
    const { site, gateway, url } = await startSite();
    const status = async () => {
      const args = ["-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "-u", "cam-hapi:cam-secret-1", "-d"];
      return (await run("curl", [...args, notification(Math.floor(Date.now() / 1000)), `${url}${path}`])).stdout;
    };
    const reloads = () => gateway.log().split("the configuration was read anew").length - 1;
    const full = readFileSync(site.configFile, "utf8");
    expect(await status()).toBe("200");
    writeFileSync(site.configFile, full.replace(hapi, ""));
    gateway.child.kill("SIGHUP");
    await waitFor("the reload", () => reloads() === 1);
    expect(await status()).toBe("401");
    writeFileSync(site.configFile, full);
    gateway.child.kill("SIGHUP");
    await waitFor("the reload", () => reloads() === 2);
    expect(await status()).toBe("200");
  });
});

function throwsIn(recorder: CityRecorder): number {
  return recorder.lane("events").filter(({ data }) => data?.["kind"] === "throw.detected").length;
}

describe("the entry for a device that knocked", () => {
  const nothing = { username: "new-one", clientId: "c", address: "192.168.1.20" };

  it.each<[string, Heard]>([
    ["mqtt/face", { ...nothing, via: "mqtt", topic: "mqtt/face/1026700/Rec" }],
    ["LoRaWAN", { ...nothing, via: "mqtt", topic: "application/5c/device/0011223344556677/event/up" }],
    ["ONVIF", { ...nothing, via: "mqtt", topic: "cam/onvif-ej/Device/x" }],
    ["Axis", { ...nothing, via: "mqtt", topic: "axis/ACCC8E112233/event/x" }],
    ["Frigate", { ...nothing, via: "mqtt", topic: "frigate/available" }],
    ["HAPI", { ...nothing, via: "http", clientId: path, said: '"DeviceID":"SN1"' }],
    ["faceSluice HTTP", { ...nothing, via: "http", said: '"operator":"VerifyPush","info":{"DeviceID":"7"' }],
    ["ISAPI", { ...nothing, via: "http", said: "AccessControllerEvent" }],
    ["Modbus", { ...nothing, via: "serial", clientId: "17", address: "rs485-1" }],
  ])("by %s is a valid one once its blanks are filled in", async (_what, heard) => {
    const site = await writeSite({ uplinkPort: 1884 });
    closing.push(() => site.remove());
    writeFileSync(join(site.dir, "secrets/new-one"), "secret-of-new-one", { mode: 0o600 });
    const driverOf = (snippet: string): string => parse(snippet)[0].driver;
    let snippet = snippetFor(heard).replace('name: "?"', "name: 新").replace('zone: "?"', "zone: b3");
    if (driverOf(snippet) === "?") snippet = snippet.replace('driver: "?"', "driver: face-terminal");
    snippet = snippet.replace('profile: "?"', "profile: generic-extinguisher");
    const text = readFileSync(site.configFile, "utf8");
    const lines = 'serialLines: [{ id: rs485-1, path: /dev/ttyS1 }]\ningest: { listen: "127.0.0.1:8099" }\n';
    writeFileSync(site.configFile, `${lines}${text.trimEnd()}\n${snippet.replace(/^/gm, "  ")}\n`);
    const context = { manifests: drivers, ruleSchemas, channelSchema, env: {}, cwd: site.dir };
    const loaded = loadConfig(site.configFile, context);
    // What its dialect needs and nobody can hear is named by the check, and nothing else is wrong.
    const wrong = loaded.ok ? [] : loaded.mistakes.map(({ path: at, found }) => `${at}: ${found}`);
    expect(wrong.filter((each) => !each.endsWith(": missing") && !each.endsWith(": nothing"))).toEqual([]);
    expect(wrong.length).toBeLessThanOrEqual(3);
  });
});
