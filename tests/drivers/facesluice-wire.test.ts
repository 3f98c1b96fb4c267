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
async function listen(more: object = {}) {
  const options = faceSluiceOptions.parse({ deviceId, username: "u", password: "p", ...more });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.now()) });
  const session = openFaceSluice(context);
  const publish = context.mqtt.publish.bind(context.mqtt);
  context.mqtt.publish = (topic, payload, qos) => {
    publish(topic, payload, qos);
    client.publish(topic, payload);
  };
  client.on("message", (topic, payload) => void context.mqtt.say(topic, payload).catch(() => undefined));
  await client.subscribeAsync([
    "mqtt/face/+/Ack",
    "mqtt/face/+/Rec",
    "mqtt/face/+/Snap",
    "mqtt/face/basic",
    "mqtt/face/heartbeat",
  ]);
  const give = (name: string, args: Record<string, string> = {}) => session.command?.({ name, args });
  return Object.assign(context, { give });
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

test("a terminal does as it is told over the broker, and is asked again when it comes back from a restart", async () => {
  let opened = 0;
  const unlock = { operator: "OpenIt", info: { facesluiceId: "{deviceId}" } };
  const setTime = { info: { when: "{time}" } };
  const context = await listen({ unlock, setTime, heartbeat: "5s" });
  const events: StationEvent[] = [];
  const terminal = new FaceTerminal({
    ...station,
    url: broker.url,
    clockSkewMs: 600_000,
    rebootMs: 50,
    unlockOperator: "OpenIt",
    onUnlock: () => opened++,
    onEvent: (event) => events.push(event),
  });
  device = terminal;
  terminal.station.start();
  await waitFor("the Online-Ack", () => events.some(({ type }) => type === "accepted"));
  expect(context.seenDetails.some(({ clockSkewMs = 0 }) => Math.abs(clockSkewMs - 600_000) < 5000)).toBe(true);
  expect(await context.give("get-time")).toMatchObject({ detail: expect.stringMatching(/(59\d|60\d) s ahead/) });
  expect(await context.give("set-time")).toEqual({ ok: true, confirmed: true });
  await waitFor("the clock", () => Math.abs(terminal.station.clockSkewMs) < 5000);
  expect(await context.give("unlock")).toMatchObject({ ok: true });
  expect(opened).toBe(1);
  expect(await context.give("device-info")).toMatchObject({ detail: "terminal, firmware V2.1.7" });
  terminal.recognise("allowed");
  await waitFor("the record", () => context.observed.length === 1 && terminal.station.waiting === 0);
  const hour = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const span = { from: hour(Date.now() - 3_600_000), to: hour(Date.now() + 3_600_000), what: "records" };
  expect(await context.give("replay-records", span)).toMatchObject({ ok: true });
  await waitFor("the record again", () => context.observed.length === 2);
  expect(context.observed[1]).toMatchObject({ body: { delivery: "manual" } });
  expect(await context.give("configure-upload")).toMatchObject({ ok: true });
  terminal.station.trouble({ busy: true });
  expect(await context.give("reboot")).toMatchObject({
    ok: false,
    why: "refused",
    detail: expect.stringMatching(/^410/),
  });
  terminal.station.trouble({});
  expect(await context.give("reboot")).toMatchObject({ ok: true });
  await waitFor("the second Online-Ack", () => events.filter(({ type }) => type === "accepted").length === 2);
});

test("noise, silence, duplicates, buffered records and a wrong clock over the broker each end as what they are", async () => {
  const context = await listen();
  const terminal = new FaceTerminal({ ...station, url: broker.url, heartbeatEveryMs: 40 });
  device = terminal;
  terminal.station.start();
  await waitFor("the connection", () => terminal.station.connected);
  terminal.station.trouble({ noise: true });
  terminal.recognise("allowed");
  await waitFor("the record", () => context.observed.length === 1 && context.rejections.length === 1);
  terminal.station.trouble({ silence: true });
  terminal.recognise("allowed");
  expect(terminal.station.waiting).toBe(1);
  terminal.station.trouble({ duplicates: true });
  await waitFor("the record twice", () => context.observed.length === 3);
  expect(context.observed[2]?.dedupKey).toBe(context.observed[1]?.dedupKey);
  terminal.station.trouble({ late: true });
  terminal.recognise("refused");
  await waitFor("the buffered one", () => context.observed.length === 4);
  expect(context.observed[3]).toMatchObject({ body: { delivery: "late" } });
  terminal.station.trouble({ clockSkewMs: -40 * 86_400_000 });
  await waitFor("the fault of its clock", () => context.observed.some(({ kind }) => kind === "device.fault"));
  terminal.station.trouble({});
  await waitFor("that it is right again", () => {
    return context.observed.some((draft) => draft.kind === "device.fault" && !draft.body.active);
  });
});

test("a camera that looks for fire is heard", async () => {
  const context = await listen();
  const camera = new ThrowCamera({ ...station, url: broker.url });
  device = camera;
  camera.station.start();
  camera.fire({ fire: 1, smoke: 2 });
  await waitFor("the fire", () => context.observed.length > 0 && camera.station.waiting === 0);
  expect(context.observed[0]).toMatchObject({ kind: "fire.detected", body: { active: true, sensor: "camera" } });
});
