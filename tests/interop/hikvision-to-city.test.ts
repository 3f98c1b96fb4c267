import { afterAll, beforeAll, expect, test } from "vitest";
import { fallingObject, HapiCamera } from "../../simulators/hapi/camera.ts";
import { IsapiTerminal } from "../../simulators/hikvision/terminal.ts";
import { CityRecorder } from "../support/city-recorder.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { waitFor } from "../support/wait-for.ts";

/** A whole gateway between Mosquitto as the city and devices of our own on real sockets. */
const account = { username: "gateway", password: "isapi-secret" };
const pushAccount = { username: "gate-south", password: "push-secret" };
let broker: Mosquitto;
let city: CityRecorder;
let site: SiteFiles;
let gateway: GatewayProcess;
let asked: IsapiTerminal;
let ingestPort: number;

beforeAll(async () => {
  broker = await startMosquitto();
  city = await CityRecorder.start(broker.url, "zhian/v1/jinshuiwan/gw-01");
  asked = new IsapiTerminal({ account, pictureBytes: 50_000 });
  const address = await asked.server?.listen();
  ingestPort = await freePort();
  site = await writeSite({
    uplinkPort: broker.port,
    devices: `  - { id: gate-west, name: 西门人脸机, driver: face-terminal, dialect: hikvision-isapi, zone: b3-u1,
      options: { device: { address: "${address}", username: gateway, password: isapi-secret }, alertStream: true } }
  - { id: gate-south, name: 南门人脸机, driver: face-terminal, dialect: hikvision-isapi, zone: b3-u1,
      options: { push: { username: gate-south, password: push-secret } } }
  - { id: cam-b6, name: 6栋北相机, driver: throw-camera, dialect: hapi, zone: b3,
      options: { deviceId: SN1, prefix: 0123456789abcdef } }`,
    extra: `ingest: { listen: "127.0.0.1:${ingestPort}" }`,
  });
  gateway = await startGatewayProcess(site);
});

afterAll(async () => {
  await gateway?.stop();
  await city?.stop();
  await asked?.stop();
  await broker?.stop();
  site?.remove();
});

const events = (deviceId: string, kind: string) =>
  city.received.filter(({ topic, envelope: { data } }) => {
    return topic === "events" && data?.["deviceId"] === deviceId && data["kind"] === kind;
  });

test("an alert stream, a push and a HAPI notification reach the city, and a broken stream comes back by itself", async () => {
  await waitFor("the stream", () => (asked.server?.listeners ?? 0) > 0);
  await asked.pass(75);
  await waitFor("the pass at the city", () => events("gate-west", "access.granted").length === 1);

  const pushing = new IsapiTerminal({
    push: { url: `http://127.0.0.1:${ingestPort}/ingest/gate-south`, account: pushAccount },
    format: "multipart",
    pictureBytes: 100_000,
  });
  await pushing.event(5, 27);
  await pushing.repeat();
  await waitFor("the forced door", () => events("gate-south", "door.state").length > 0);

  const camera = new HapiCamera({ host: "127.0.0.1", port: ingestPort, deviceId: "SN1", prefix: "0123456789abcdef" });
  await camera.notify(fallingObject, true);
  await waitFor("the throw", () => events("cam-b6", "throw.detected").length === 1);

  asked.cut();
  await asked.pass(76);
  await waitFor("its absence", () => events("gate-west", "device.offline").length === 1);
  await waitFor("the stream again", () => (asked.server?.listeners ?? 0) > 0);
  await asked.restore();
  await waitFor("what was kept", () => events("gate-west", "access.denied").length === 1);
  expect(events("gate-west", "access.denied")[0]?.envelope.data?.["body"]).toMatchObject({ delivery: "late" });
  await waitFor("its return", () => events("gate-west", "device.online").length === 2);
  expect(events("gate-south", "door.state")).toHaveLength(1);
  const told = JSON.stringify(city.received) + gateway.log();
  expect(told).not.toMatch(/王小明|20260001|3312990017|isapi-secret|push-secret|0123456789abcdef/);
});
