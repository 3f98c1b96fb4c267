import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CityRecorder } from "../support/city-recorder.ts";
import { type GatewayProcess, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

let city: Mosquitto;
beforeAll(async () => {
  city = await startMosquitto();
});
afterAll(() => city.stop());

const another = `  - { id: gate-west, name: 西门人脸机, driver: face-terminal, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: "1026799", username: gate-west, password: west-secret-1 } }`;

/** Each of them changes another part while records come in. */
const changes: readonly (readonly [string, (text: string) => string])[] = [
  ["a rule's parameter", (text) => `${text}rules: { access-denied-repeated: { count: 2 } }\n`],
  ["a device more", (text) => text.replace("devices:\n", `devices:\n${another}\n`)],
  [
    "the sending device's own options",
    (text) => text.replace("username: gate-east,", "username: gate-east, heartbeat: 60s,"),
  ],
  ["a name of a zone", (text) => text.replace("name: 3栋 }", "name: 三栋 }")],
  ["the connection to the city", (text) => text.replace("prefix: zhian/v1 }", "prefix: zhian/v1, keepAlive: 20s }")],
  ["back to the first", (text) => text],
];

describe("a reload", () => {
  it("of every part loses no record that comes in meanwhile, and keeps their order", { timeout: 120_000 }, async () => {
    const site = await writeSite({ uplinkPort: city.port });
    const recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    let gateway: GatewayProcess | undefined;
    const login = { deviceId: "1026700", username: "gate-east", password: "gate-secret-1" };
    const sender = new RecordSender({ port: site.brokerPort, ...login });
    try {
      const running = await startGatewayProcess(site);
      gateway = running;
      const first = readFileSync(site.configFile, "utf8");
      const reloads = (): number => running.log().split("the configuration was read anew").length - 1;
      sender.start();
      for (const [index, [what, change]] of changes.entries()) {
        const before = sender.acknowledged.size;
        await waitFor("records before the change", () => sender.acknowledged.size > before + 20);
        writeFileSync(site.configFile, change(first));
        running.child.kill("SIGHUP");
        await waitFor(`the reload: ${what}`, () => reloads() === index + 1);
      }
      const after = sender.acknowledged.size;
      await waitFor("records after the changes", () => sender.acknowledged.size > after + 20);
      sender.pause();
      await waitFor("the terminal to be done", () => sender.settled);
      await waitFor("all records at the city", () => {
        const got = recorder.recordIds();
        return [...sender.acknowledged].every((id) => got.has(id));
      });
      expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
      expect(running.child.exitCode).toBeNull();
    } catch (error) {
      throw new Error(`${String(error)}\n${gateway?.log().slice(-3000)}`, { cause: error });
    } finally {
      sender.close();
      await gateway?.kill();
      await recorder.stop();
      site.remove();
    }
  });
});
