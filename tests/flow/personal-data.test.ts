import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CityRecorder } from "../support/city-recorder.ts";
import { connectDevice } from "../support/device-client.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { localTime } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

const canaries = {
  name: "欧阳金丝雀",
  idCard: "110101199003074477",
  phone: "13900004477",
  person: "canary-person-id-7781",
  picture: `data:image/jpeg;base64,${Buffer.from("canary-picture-7781").toString("base64").repeat(2000)}`,
};
/** A slice of the picture's text is enough to find it. */
const needles = [canaries.name, canaries.idCard, canaries.phone, canaries.person, canaries.picture.slice(100, 140)];

describe("personal data sent by a terminal", () => {
  let city: Mosquitto;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let recorder: CityRecorder;

  beforeAll(async () => {
    city = await startMosquitto();
    site = await writeSite({ uplinkPort: city.port, extra: "log: { level: debug }" });
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    gateway = await startGatewayProcess(site);
  });
  afterAll(async () => {
    await gateway?.stop();
    await recorder?.stop();
    await city?.stop();
    site?.remove();
  });

  test("is found nowhere in the data directory, the log and the uplink, however broken its messages are", async () => {
    const device = await connectDevice(site.brokerPort, "gate-east", "gate-secret-1");
    const person = {
      customId: canaries.person,
      personId: canaries.person,
      personName: canaries.name,
      persionName: canaries.name,
      idCard: canaries.idCard,
      telnum: canaries.phone,
      pic: canaries.picture,
      scene: canaries.picture,
    };
    const good = {
      facesluiceId: "1026700",
      RecordID: "1",
      VerifyStatus: "2",
      PersonType: "0",
      Sendintime: 1,
      PushType: 0,
      time: localTime(new Date()),
      ...person,
    };
    const send = (message: unknown, topic = "Rec") =>
      device.publishAsync(
        `mqtt/face/1026700/${topic}`,
        typeof message === "string" ? message : JSON.stringify(message),
        { qos: 1 },
      );
    for (const RecordID of ["1", "2", "3"]) await send({ operator: "RecPush", info: { ...good, RecordID } });
    await send(
      { operator: "StrSnapPush", info: { facesluiceId: "1026700", SnapID: "9", time: good.time, ...person } },
      "Snap",
    );
    await send({
      operator: "RecPush",
      info: { ...good, RecordID: { of: canaries.name }, VerifyStatus: canaries.idCard, time: canaries.name },
    });
    await send({ operator: canaries.name, info: person });
    await send({ operator: "RecPush", info: { ...good, facesluiceId: canaries.name } });
    await send(JSON.stringify({ operator: "RecPush", info: good }).slice(0, -5));
    await send({ operator: "RecPush", info: canaries.name });
    await waitFor("the good records at the city", () => recorder.recordIds().has("3") && recorder.recordIds().has("9"));
    await waitFor("the alarm at the city", () => recorder.lane("alarms").length > 0);
    await device.endAsync(true);
    await gateway.stop();

    const stored = filesBelow(site.dataDir).map((file) => readFileSync(file).toString("latin1"));
    expect(stored.length).toBeGreaterThan(0);
    for (const needle of needles) {
      const bytes = Buffer.from(needle, "utf8").toString("latin1");
      expect(stored.some((text) => text.includes(bytes))).toBe(false);
      expect(gateway.log()).not.toContain(needle);
      expect(JSON.stringify(recorder.received)).not.toContain(needle);
    }
    // What a person is called by outside is a pseudonym, the same each time.
    const people = new Set(
      recorder
        .lane("events")
        .flatMap((e) => (e.data?.["kind"] === "access.denied" ? [(e.data["body"] as { person?: string }).person] : [])),
    );
    expect(people.size).toBe(1);
    expect([...people][0]).toBeTypeOf("string");
  });
});

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((file) => statSync(file).isFile());
}
