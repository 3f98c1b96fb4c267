import { AxisCamera } from "../../simulators/cameras/axis.ts";
import { Frigate } from "../../simulators/cameras/frigate.ts";
import { OnvifCamera } from "../../simulators/cameras/onvif.ts";
import { fallingObject, HapiCamera } from "../../simulators/hapi/camera.ts";
import { IsecurePlatform } from "../../simulators/hikvision/camera.ts";
import { ThrowCamera } from "../../simulators/throw-camera/camera.ts";
import { MosquittoDevice, pushByCurl } from "./every-dialect-clients.ts";
import type { EverySite } from "./every-dialect-site.ts";
import { canaries, type Fact, type Peers, pictureBytes } from "./every-dialect-terminals.ts";

const thrownOnvif = "RuleEngine/FacadeDetector/acme:ObjectThrown";
const thrownAxis = "axis:CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1";

/** The nine throw cameras of the example. Some of them send pictures. */
export function openCameras(site: EverySite): Peers {
  const b3 = new ThrowCamera({
    url: site.brokerUrl,
    deviceId: "005a213b000b93cc",
    ...site.account("cam-b3"),
    reconnectEveryMs: 200,
    withRecordId: true,
    pictureBytes,
  });
  const b4 = new ThrowCamera({
    transport: "http",
    deviceId: "005a213b000b93cd",
    destination: {
      address: site.ingestUrl,
      account: site.account("cam-b4"),
      snap: "/ingest/cam-b4/Snap",
      verify: "/ingest/cam-b4/Verify",
      heartbeat: "/ingest/cam-b4/heartbeat",
    },
    heartbeatEveryMs: 1000,
    resendAfterMs: 1000,
    pictureBytes,
  });
  for (const { station } of [b3, b4]) station.trouble({ duplicates: true });
  const b5 = new IsecurePlatform({ url: `${site.ingestUrl}/ingest/cam-b5/token/${site.secret("cam-b5")}` }, true);
  const b6 = new HapiCamera({
    host: "127.0.0.1",
    port: site.ingestPort,
    prefix: "b6",
    account: site.account("cam-b6"),
    deviceId: "ANJ2404180001",
    pictureBytes,
  });
  const link = { url: site.brokerUrl, reconnectEveryMs: 200 };
  const topicPrefix = "E4:30:22:F3:31:AA";
  const b7 = new OnvifCamera({ ...link, ...site.account("cam-b7"), topicPrefix, throwTopic: thrownOnvif });
  const b8 = new AxisCamera({ ...link, ...site.account("cam-b8"), serial: "ACCC8E000001" });
  const b9 = new Frigate({ ...link, ...site.account("frigate"), cameras: ["facade_b9"], label: "thrown_object" });
  const b10 = new MosquittoDevice(site.brokerPort, site.account("cam-b10"), "box/b10/alarm");
  for (const camera of [b7, b8, b9]) camera.link.faults = { duplicates: true };
  const facade = { VideoSource: "1", Rule: "Facade" };

  async function boxes(round: number): Promise<readonly Fact[]> {
    const alarm = { type: "抛物", id: `b-${round}`, t: Date.now(), score: 91, box: [1000, 200, 1060, 260] };
    await b10.say({ ...alarm, pic: canaries.picture });
    const toss = { nAction: 1, nEventID: 500 + round, UTC: Math.floor(Date.now() / 1000), szName: canaries.name };
    const stuBoundingBox = { left: 4096, top: 2048, right: 4196, bottom: 2148 };
    const { username, password } = site.account("cam-b11");
    const who = ["--digest", "-u", `${username}:${password}`];
    for (let times = 0; times < 2; times++) {
      const body = { ...toss, stuObjInfos: [{ stuBoundingBox }] };
      const answer = await pushByCurl(who, body, `${site.ingestUrl}/ingest/cam-b11`);
      if (!answer.endsWith(" 200")) throw new Error(`cam-b11 was answered by ${answer}`);
    }
    return [
      thrown("cam-b10", { confidence: 0.91, origin: { building: "3", unit: "1" } }, `b-${round}`),
      thrown("cam-b11", { box: { x1: 0.5, y1: 0.25 } }, String(500 + round)),
    ];
  }

  return {
    options: {},
    quiet: ["cam-b5", "cam-b6", "cam-b10", "cam-b11"],
    start() {
      for (const { station } of [b3, b4]) station.start();
      b7.property(thrownOnvif, facade, { State: false, ObjectId: 0 });
      for (const camera of [b7, b8, b9]) camera.link.start();
    },
    async report(round) {
      const startMs = Math.floor(Date.now() / 1000) * 1000 - 3000;
      const startedAt = new Date(startMs).toISOString();
      const seen = { startMs, endMs: startMs + 1000 };
      const snaps = [b3, b4].map((camera) => String(camera.report(seen.startMs, seen.endMs)));
      await b5.thrown(["3f2a9d1c", "another"].map((camera) => ({ camera, seen })));
      await b5.again(false);
      for (let times = 0; times < 2; times++) await b6.notify(fallingObject, true, startMs);
      for (const State of [true, false]) b7.property(thrownOnvif, facade, { State, ObjectId: round });
      b8.event(thrownAxis, {}, { active: true, objectId: round });
      b9.link.publish("frigate/facade_b9/person/snapshot", canaries.picture, true);
      b9.link.publish("frigate/events", JSON.stringify(passerBy()));
      const watched = b9.watch("facade_b9", "brick", 9);
      return [
        thrown("cam-b3", { startedAt }, snaps[0]),
        thrown("cam-b4", { startedAt }, snaps[1]),
        thrown("cam-b5", { startedAt }),
        { ...thrown("cam-b6"), occurredAt: startedAt },
        thrown("cam-b7", {}, String(round)),
        thrown("cam-b8", {}, String(round)),
        // The first sight of it; its whole track is a report of its own.
        thrown("cam-b9", { endedAt: undefined }, watched),
        ...(await boxes(round)),
      ];
    },
    async stop() {
      b9.rest();
      await Promise.all([b3, b4].map(({ station }) => station.stop()));
      await b10.stop();
      await Promise.all([b7, b8, b9].map((camera) => camera.link.stop()));
    },
  };
}

function thrown(deviceId: string, body: Fact["body"] = {}, record?: string): Fact {
  const fact = { deviceId, kind: "throw.detected", body: { delivery: "live", ...body } };
  return record === undefined ? fact : { ...fact, record };
}

/** Somebody whom a Frigate with face recognition calls by name. */
function passerBy(): object {
  const now = Date.now() / 1000;
  const after = { id: `${now}-canary`, camera: "facade_b9", label: "person", sub_label: [canaries.name, 0.9] };
  return { type: "new", before: {}, after: { ...after, start_time: now, frame_time: now, top_score: 0.8, score: 0.8 } };
}
