import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { CityRecorder } from "../support/city-recorder.ts";
import { connectDevice } from "../support/device-client.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { RawDevice } from "../support/ingress/raw-device.ts";
import { MetricsReader } from "../support/metrics-reader.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { localTime, RecordSender } from "../support/record-sender.ts";
import { noSmallDisk, type SmallDisk, smallDisk } from "../support/small-disk.ts";
import { waitFor } from "../support/wait-for.ts";

const skip = noSmallDisk();
if (skip !== undefined) console.warn(`the full-disk test is left out: ${skip}`);
const kib = 1024;
const never = Number.POSITIVE_INFINITY;
const readySchema = z.object({ ready: z.boolean(), reasons: z.array(z.object({ code: z.string() })) });

describe.skipIf(skip !== undefined)("a disk that gets full while records come in", { timeout: 120_000 }, () => {
  let disk: SmallDisk;
  let city: Mosquitto;
  let line: FaultProxy;
  let recorder: CityRecorder;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let sender: RecordSender;

  beforeEach(async () => {
    disk = smallDisk(48);
    city = await startMosquitto();
    line = await startFaultProxy(city.port);
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    site = { ...(await writeSite({ uplinkPort: line.port })), dataDir: join(disk.path, "data") };
    gateway = await startGatewayProcess(site, { env: { ZHIAN_DATA: site.dataDir } });
    const login = { deviceId: "1026700", username: "gate-east", password: "gate-secret-1" };
    sender = new RecordSender({ port: site.brokerPort, ...login, window: 5, denyEvery: never, throwEvery: never });
  });
  afterEach(async () => {
    sender?.close();
    await gateway?.kill();
    await recorder?.stop();
    await line?.close();
    await city?.stop();
    site?.remove();
    disk?.remove();
  });

  async function readiness(): Promise<{ status: number; codes: readonly string[] }> {
    const answer = await fetch(`http://127.0.0.1:${site.consolePort}/readyz`);
    const { reasons } = readySchema.parse(await answer.json());
    return { status: answer.status, codes: reasons.map(({ code }) => code) };
  }
  const alarms = (rule: string): unknown[] =>
    recorder.lane("alarms").flatMap(({ data }) => (data?.["rule"] === rule ? [data["step"]] : []));
  const events = (kind: string): number => recorder.lane("events").filter(({ data }) => data?.["kind"] === kind).length;

  const everythingArrived = (): boolean => {
    const got = recorder.recordIds();
    return [...sender.acknowledged].every((id) => got.has(id));
  };

  /** A thrown object, as the camera reports it; resolves when it is acknowledged. */
  async function reportThrow(): Promise<void> {
    const camera = await connectDevice(site.brokerPort, "cam-b3", "cam-secret-1");
    const snapTime = localTime(new Date());
    const info = { deviceId: "005a213b000b93cc", snapTime, startTime: snapTime, endTime: snapTime };
    const payload = JSON.stringify({ operator: "ParabolicSnapPush", info });
    await camera.publishAsync("mqtt/face/005a213b000b93cc/Snap", payload, { qos: 1 });
    await camera.endAsync(true);
  }

  it("acknowledges nothing that it cannot keep, tells so, still delivers the alarms it has, and is well again with room", async () => {
    const metrics = new MetricsReader(site);
    sender.start();
    await waitFor("a live record at the city", () => recorder.recordIds().size > 0);
    line.cut();
    await waitFor("the line to be missed", () => gateway.log().includes("no connection to the city"));
    await reportThrow();
    await waitFor("the alarm in the log", () => gateway.log().includes('"rule":"thrown-object"'));

    disk.fill(256 * kib);
    await waitFor("the gateway to be unready", async () => (await readiness()).status === 503, 30_000);
    expect((await readiness()).codes).toEqual(["DISK_FULL"]);
    const acknowledged = sender.acknowledged.size;

    // A device that comes now is cut off instead of being acknowledged, again and again.
    for (let i = 0; i < 3; i++) {
      const camera = await RawDevice.signedIn(site.brokerPort, {
        username: "cam-b3",
        password: "cam-secret-1",
        clientId: "cam-b3",
      });
      const info = { deviceId: "005a213b000b93cc", startTime: localTime(new Date(Date.now() - 3_600_000 * i)) };
      const payload = JSON.stringify({ operator: "ParabolicSnapPush", info });
      camera.publish("mqtt/face/005a213b000b93cc/Snap", payload, 1, 7);
      await camera.wasCut();
      expect(camera.acknowledged()).toEqual([]);
    }
    line.mend();
    await waitFor("the alarm at the city", () => alarms("thrown-object").includes("raised"), 40_000);
    await waitFor("what was acknowledged at the city", everythingArrived, 20_000);
    expect(await readiness()).toEqual({ status: 503, codes: ["DISK_FULL"] });
    expect(sender.acknowledged.size).toBe(acknowledged);
    expect(await metrics.value("zhian_log_ok")).toBe(0);
    expect(await metrics.value("zhian_ingress_cut_total", { reason: "not-stored" })).toBeGreaterThan(3);
    expect(events("throw.detected")).toBe(1);

    disk.free();
    await waitFor("the gateway to be ready", async () => (await readiness()).status === 200, 40_000);
    await waitFor("the terminal to be served", () => sender.acknowledged.size > acknowledged + 20, 20_000);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    await waitFor("all acknowledged records at the city", everythingArrived);
    await waitFor("the fault on record", () => alarms("fault").includes("returned"));
    expect(alarms("fault")).toEqual(["raised", "returned"]);
    const [fault] = recorder.lane("alarms").filter(({ data }) => data?.["rule"] === "fault");
    expect(fault?.data).toMatchObject({ subject: "gateway/disk-failing", severity: "critical" });
    expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
    expect(gateway.child.exitCode).toBeNull();
    console.info(
      `${acknowledged} records acknowledged before the disk was full, ${sender.acknowledged.size} in the end, ` +
        `${await metrics.value("zhian_ingress_withheld_total")} times withheld`,
    );
  });
});
