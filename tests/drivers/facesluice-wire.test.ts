import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { faceSluiceOptions } from "../../drivers/facesluice/options.ts";
import { openFaceSluice } from "../../drivers/facesluice/session.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FaceTerminal } from "../../simulators/face-terminal/terminal.ts";
import type { StationEvent } from "../../simulators/facesluice/station.ts";
import { Mosquitto } from "../../simulators/mosquitto-for-tests.ts";
import { ThrowCamera } from "../../simulators/throw-camera/camera.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const deviceId = "1026700";
const station = {
  deviceId,
  username: "u",
  password: "p",
  ackWithinMs: 100,
  reconnectEveryMs: 50,
  pictureBytes: 200_000,
};

let broker: Mosquitto;
let client: MqttClient;
let device: FaceTerminal | ThrowCamera | undefined;

beforeEach(async () => {
  broker = await Mosquitto.start();
  client = await connectAsync(broker.url);
});

afterEach(async () => {
  device?.station.cut();
  await client.endAsync(true);
  await broker.stop();
});

/** A session behind a real broker: what the device says goes to it, what it says goes to the device. */
async function listen() {
  const options = faceSluiceOptions.parse({ deviceId, username: "u", password: "p" });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.now()) });
  openFaceSluice(context);
  const publish = context.mqtt.publish.bind(context.mqtt);
  context.mqtt.publish = (topic, payload, qos) => {
    publish(topic, payload, qos);
    client.publish(topic, payload);
  };
  client.on("message", (topic, payload) => void context.mqtt.say(topic, payload).catch(() => undefined));
  await client.subscribeAsync(["mqtt/face/+/Ack", "mqtt/face/+/Rec", "mqtt/face/+/Snap", "mqtt/face/basic"]);
  return context;
}

test("a terminal that was refused by a full log gives up nothing: each record is sent until it is durable", async () => {
  const context = await listen();
  const events: StationEvent[] = [];
  const terminal = new FaceTerminal({ ...station, url: broker.url, onEvent: (event) => events.push(event) });
  device = terminal;
  context.logError = new GatewayError("DISK_FULL", "no space");
  terminal.station.start();
  await waitFor("the Online-Ack", () => events.some(({ type }) => type === "accepted"));
  const ids = [terminal.recognise("refused"), terminal.recognise("allowed"), terminal.recognise("not-registered")];
  await waitFor("two tries", () => context.outcomes.filter((outcome) => outcome === "observed").length >= 2);
  expect(events.filter(({ type }) => type === "acknowledged")).toEqual([]);
  context.logError = undefined;
  await waitFor("all acknowledgements", () => events.filter(({ type }) => type === "acknowledged").length === 3);
  expect(terminal.station.waiting).toBe(0);
  const bySource = new Map(context.observed.map((draft) => [draft.sourceRecordId, draft.kind]));
  expect([...bySource]).toEqual([
    [String(ids[0]), "access.denied"],
    [String(ids[1]), "access.granted"],
    [String(ids[2]), "access.denied"],
  ]);
  await waitFor("the reply to PushAck", () => context.filteredReasons.includes("reply"));
  expect(context.rejections).toEqual([]);
});

test("no person of the terminal gets past the session", async () => {
  const context = await listen();
  const terminal = new FaceTerminal({ ...station, url: broker.url, firmware: "old" });
  device = terminal;
  terminal.station.start();
  terminal.recognise("allowed", 1);
  terminal.stranger();
  await waitFor("both records", () => context.observed.length === 2);
  const told = context.everything();
  for (const { name, idCard, phone } of terminal.people) {
    for (const secret of [name, idCard, phone]) expect(told).not.toContain(secret);
  }
  expect(told).not.toContain("base64");
});

test.each([true, false])(
  "a throw is observed whether the camera numbers its snaps (%s) or not",
  async (withRecordId) => {
    const context = await listen();
    const camera = new ThrowCamera({ ...station, url: broker.url, withRecordId });
    device = camera;
    camera.station.start();
    const at = Math.floor(context.clock.wall() / 1000) * 1000;
    camera.report(at - 3000, at - 1000);
    await waitFor("the throw", () => context.observed.length > 0 && camera.station.waiting === 0);
    expect(context.observed[0]).toMatchObject({
      kind: "throw.detected",
      occurredAtMs: at - 3000,
      body: { delivery: "live", endedAt: new Date(at - 1000).toISOString() },
    });
  },
);
