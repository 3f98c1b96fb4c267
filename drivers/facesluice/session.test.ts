import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { faceSluiceOptions } from "./options.ts";
import { openFaceSluice } from "./session.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url));

function opened(deviceId: string, now: string) {
  const options = faceSluiceOptions.parse({ deviceId, username: deviceId, password: "p" });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.parse(now)) });
  const session = openFaceSluice(context);
  const say = (topic: string, payload: string | Uint8Array | object, will = false) =>
    context.mqtt.say(topic, payload, will);
  return { context, session, say, topics: options.topics };
}

const terminal = () => opened("1026700", "2026-04-10T02:00:10Z");
const camera = () => opened("005a213b000b93cc", "2024-08-22T09:18:45Z");

const record = (info: object) => ({
  operator: "RecPush",
  info: {
    facesluiceId: "1026700",
    RecordID: "2",
    VerifyStatus: "1",
    Sendintime: 1,
    time: "2026-04-10 10:00:07",
    ...info,
  },
});

test("the captured record of a real terminal is an allowed entry, acknowledged by its RecordID", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, fixture("rec-push"));
  expect(context.observed).toEqual([
    {
      kind: "access.granted",
      occurredAtMs: Date.parse("2026-04-10T02:00:07Z"),
      sourceRecordId: "2",
      dedupKey: "RecPush|2|2026-04-10 10:00:07",
      body: { delivery: "live", person: context.pseudonym("3"), personType: "allow-list", similarity: 83, mask: false },
    },
  ]);
  expect(context.mqtt.published[0]?.topic).toBe("mqtt/face/1026700");
  expect(context.mqtt.replies()).toEqual([
    { operator: "PushAck", messageId: "1", info: { PushAckType: 2, SnapOrRecordID: 2 } },
  ]);
});

test.each([
  ["2", "refused"],
  [3, "not-registered"],
])("VerifyStatus %j is an entry denied as %s", async (VerifyStatus, reason) => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({ VerifyStatus, PersonType: 1 }));
  expect(context.observed).toMatchObject([
    { kind: "access.denied", body: { delivery: "live", reason, personType: "block-list" } },
  ]);
});

test("a record without verification is no entry, but it is acknowledged so that the terminal goes on", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({ VerifyStatus: "0" }));
  expect(context.filteredReasons).toEqual(["no-verification"]);
  expect(context.observed).toEqual([]);
  expect(context.mqtt.replies()).toMatchObject([{ operator: "PushAck", info: { SnapOrRecordID: 2 } }]);
});

test("the platform's person id comes before the terminal's own, and nobody has no pseudonym", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({ customId: "EMP1", personId: "22" }));
  await say(topics.record, record({ customId: " ", personId: 22 }));
  await say(topics.record, record({ customId: "", personId: "" }));
  expect(context.observed.map(({ body }) => ("person" in body ? body.person : undefined))).toEqual([
    context.pseudonym("EMP1"),
    context.pseudonym("22"),
    undefined,
  ]);
});

test.each([
  [{ Sendintime: 1, PushType: 0 }, "live"],
  [{ Sendintime: "0", PushType: 0 }, "late"],
  [{ Sendintime: 1, PushType: 2 }, "manual"],
  [{ Sendintime: 0, PushType: "2" }, "manual"],
])("a record with %j is %s", async (info, delivery) => {
  const { context, say, topics } = terminal();
  await say(topics.record, record(info));
  expect(context.observed).toMatchObject([{ body: { delivery } }]);
});

test("a terminal of the attendance kind sends neither id nor time: it is observed when received and not acknowledged", async () => {
  const { context, say, topics } = terminal();
  await say(topics.attendance, fixture("rec-push-attendance"));
  expect(context.observed).toEqual([
    { kind: "access.granted", body: { delivery: "live", person: context.pseudonym("888") } },
  ]);
  expect(context.mqtt.published).toEqual([]);
});

test("a stranger is observed and acknowledged by SnapID, wherever the picture and the box stand", async () => {
  const { context, say, topics } = camera();
  await say(topics.snap, fixture("str-snap-push"));
  expect(context.observed).toMatchObject([
    {
      kind: "access.stranger",
      sourceRecordId: "946",
      dedupKey: "StrSnapPush|946|2024-08-22 12:00:30",
      body: { mask: false },
    },
  ]);
  expect(context.mqtt.replies()).toMatchObject([{ info: { PushAckType: 1, SnapOrRecordID: 946 } }]);

  const other = opened("1026230", "2026-09-29T09:18:45Z");
  await other.say(other.topics.snap, fixture("str-snap-push-text-box"));
  expect(other.context.observed).toMatchObject([{ kind: "access.stranger", sourceRecordId: "6781" }]);
});

test("a throw is observed with its beginning and end, and told from the next one by its times", async () => {
  const { context, say, topics } = camera();
  await say(topics.snap, fixture("parabolic-snap-push"));
  expect(context.observed).toEqual([
    {
      kind: "throw.detected",
      occurredAtMs: Date.parse("2024-08-22T09:18:38Z"),
      dedupKey: "ParabolicSnapPush||2024-08-22 17:18:38|2024-08-22 17:18:42|2024-08-22 17:18:40",
      body: { delivery: "live", startedAt: "2024-08-22T09:18:38.000Z", endedAt: "2024-08-22T09:18:42.000Z" },
    },
  ]);
  expect(context.mqtt.published).toEqual([]);
});

test("a throw that carries an id is acknowledged as a generic snapshot, on Rec as well", async () => {
  const { context, say, topics } = camera();
  await say(topics.record, {
    operator: "ParabolicSnapPush",
    info: { SnapOrRecordID: "0077", snapTime: "2024-08-22 17:18:40" },
  });
  expect(context.observed).toMatchObject([{ kind: "throw.detected", sourceRecordId: "0077" }]);
  expect(context.mqtt.replies()).toMatchObject([{ info: { PushAckType: 3, SnapOrRecordID: "0077" } }]);
});

test("a throw buffered by a camera whose clock was measured is late, not live", async () => {
  const { context, say, topics } = opened("005a213b000b93cc", "2024-08-22T11:43:34Z");
  await say(topics.heartbeat, fixture("heart-beat"));
  await say(topics.snap, fixture("parabolic-snap-push"));
  expect(context.observed).toMatchObject([{ kind: "throw.detected", body: { delivery: "late" } }]);
});

test("Online is answered with the device's message id, and its clock is measured", async () => {
  const { context, say, topics } = opened("005a213b000b93cc", "2024-08-22T07:11:12Z");
  await say(topics.basic, { ...JSON.parse(fixture("online").toString()), messageId: "10201" });
  expect(context.mqtt.published).toHaveLength(1);
  expect(context.mqtt.published[0]?.topic).toBe("mqtt/face/005a213b000b93cc");
  expect(context.mqtt.replies()).toEqual([
    { messageId: "10201", operator: "Online-Ack", info: { facesluiceId: "005a213b000b93cc", result: "ok" } },
  ]);
  expect(context.seenDetails).toEqual([{ clockSkewMs: -2000 }]);
  expect(context.filteredReasons).toEqual(["online"]);
});

test("a heartbeat is a sign of life and no observation, flat or nested", async () => {
  const { context, say, topics } = opened("005a213b000b93cc", "2024-08-22T11:43:30Z");
  await say(topics.heartbeat, fixture("heart-beat"));
  await say(topics.heartbeat, fixture("heart-beat-flat"));
  expect(context.seenDetails).toEqual([{ clockSkewMs: 4000 }, {}]);
  expect(context.filteredReasons).toEqual(["heartbeat", "heartbeat"]);
  expect(context.observed).toEqual([]);
});

test("a device that says goodbye is gone by its own word, one whose will comes is gone by its will", async () => {
  const { context, say, topics } = camera();
  await say(topics.basic, fixture("offline"));
  await say(topics.basic, fixture("offline"), true);
  expect(context.goneReasons).toEqual(["said-so", "last-will"]);
  expect(context.filteredReasons).toEqual(["offline", "last-will"]);
});

test("a connection that ends without a word is left to those who wait for the device to come back", async () => {
  const { context, say, topics } = camera();
  context.mqtt.connect(true);
  await say(topics.heartbeat, fixture("heart-beat-flat"));
  context.mqtt.connect(false);
  expect(context.goneReasons).toEqual([]);
});

test("a will that cannot be read still says that the client is gone", async () => {
  const { context, say, topics } = camera();
  await say(topics.basic, "bye", true);
  expect(context.goneReasons).toEqual(["last-will"]);
  expect(context.rejections).toMatchObject([{ reason: "bad-json" }]);
});

test("replies to commands are not observations", async () => {
  const { context, say, topics } = camera();
  await say(topics.ack, fixture("push-ack-ack"));
  expect(context.filteredReasons).toEqual(["reply"]);
});

test("PushAck waits for the commit", async () => {
  const { context, say, topics } = terminal();
  context.held = true;
  const said = say(topics.record, fixture("rec-push"));
  expect(context.outcomes).toEqual(["observed"]);
  expect(context.mqtt.published).toEqual([]);
  context.commit();
  await said;
  expect(context.mqtt.replies()).toMatchObject([{ operator: "PushAck" }]);
});

test("when the log refuses there is no PushAck, and the broker learns of it", async () => {
  const { context, say, topics } = terminal();
  context.logError = new GatewayError("DISK_FULL", "no space");
  await expect(say(topics.record, fixture("rec-push"))).rejects.toThrow("no space");
  expect(context.mqtt.published).toEqual([]);
  context.logError = undefined;
  await say(topics.record, fixture("rec-push"));
  expect(context.mqtt.replies()).toMatchObject([{ operator: "PushAck", info: { SnapOrRecordID: 2 } }]);
});

test("a record that is sent again has the same key, though it is late by now; a reset counter has another", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({}));
  await say(topics.record, record({ RecordID: 2, Sendintime: 0 }));
  await say(topics.record, record({ time: "2026-04-10 10:00:09" }));
  const keys = context.observed.map(({ dedupKey }) => dedupKey);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test("a record that cannot be used is rejected by what it would have been, and acknowledged so that it does not block the rest", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({ VerifyStatus: "9" }));
  await say(topics.record, { operator: "RecPush", info: "none" });
  await say(topics.snap, { operator: "StrSnapPush" });
  await say(topics.snap, { operator: "ParabolicSnapPush", info: [] });
  expect(context.rejections.map(({ reason }) => reason)).toEqual([
    "bad-access-record",
    "bad-access-record",
    "bad-stranger-record",
    "bad-throw-record",
  ]);
  expect(context.rejections[0]).toMatchObject({
    source: "mqtt/face/1026700/Rec",
    detail: "expected VerifyStatus 0 to 3",
  });
  expect(context.mqtt.replies()).toMatchObject([{ info: { PushAckType: 2, SnapOrRecordID: 2 } }]);
});

test("an operator that we do not know is named, and its snapshot acknowledged where it has an id", async () => {
  const { context, say, topics } = camera();
  await say(topics.snap, { operator: "UnheardOfSnapPush", info: { SnapOrRecordID: 12 } });
  await say(topics.snap, { operator: "<b>hello</b>", info: { SnapOrRecordID: 13 } });
  expect(context.rejections).toMatchObject([
    { reason: "unknown-operator", detail: "found UnheardOfSnapPush" },
    { reason: "unknown-operator", detail: "found no name of an operator" },
  ]);
  expect(context.mqtt.replies()).toMatchObject([{ info: { PushAckType: 3, SnapOrRecordID: 12 } }]);
});

test.each([["info.facesluiceId"], ["facesluiceId"], ["info.deviceId"]])(
  "a payload that names another device in %s is rejected, and nothing else happens",
  async (where) => {
    const { context, say, topics } = terminal();
    const info = where === "info.deviceId" ? { deviceId: "1026701" } : { facesluiceId: "1026701" };
    const payload =
      where === "facesluiceId" ? { ...info, operator: "Offline", info: {} } : { operator: "Offline", info };
    await say(topics.basic, payload);
    await say(topics.basic, payload, true);
    expect(context.outcomes).toEqual(["rejected", "rejected"]);
    expect(context.rejections[0]).toMatchObject({
      reason: "foreign-id",
      detail: "the payload names 1026701, expected 1026700",
    });
    expect(context.goneReasons).toEqual([]);
    expect(context.seenDetails).toEqual([]);
    expect(context.mqtt.published).toEqual([]);
  },
);

test("a device whose payload id differs from its topic id is known by both", async () => {
  const options = faceSluiceOptions.parse({ deviceId: "gate", facesluiceId: "1026700", username: "u", password: "p" });
  const context = new FakeDriverContext({ options });
  openFaceSluice(context);
  await context.mqtt.say("mqtt/face/gate/Rec", record({}));
  await context.mqtt.say("mqtt/face/gate/Rec", record({ facesluiceId: "gate" }));
  expect(context.outcomes).toEqual(["observed", "observed"]);
});

test("a topic that is not the device's own is refused", async () => {
  const { context, say } = terminal();
  await say("mqtt/face/1026701/Rec", fixture("rec-push"));
  expect(context.rejections).toMatchObject([{ reason: "wrong-topic" }]);
});

test("a clock of 1970 is reported once, and its records are dated by their receipt until it is set", async () => {
  const { context, say, topics } = terminal();
  await say(topics.heartbeat, { operator: "HeartBeat", info: { time: "1970-01-01 08:00:30" } });
  await say(topics.record, record({ time: "1970-01-01 08:00:31", VerifyStatus: 2 }));
  await say(topics.record, record({ RecordID: 3, time: "2026-04-09 10:00:00", Sendintime: 0 }));
  await say(topics.heartbeat, { operator: "HeartBeat", info: { time: "2026-04-10 10:00:10" } });
  expect(context.observed).toMatchObject([
    { kind: "device.fault", body: { code: "clock-wrong", active: true } },
    { kind: "access.denied", body: { delivery: "live" } },
    { kind: "access.granted", body: { delivery: "late" } },
    { kind: "device.fault", body: { code: "clock-wrong", active: false } },
  ]);
  expect(context.observed.map((draft) => draft.occurredAtMs)).toEqual([undefined, undefined, undefined, undefined]);
  expect(context.outcomes).toEqual(["observed", "observed", "observed", "observed"]);
});

test("a clock fault that the log refused is reported when the log takes it again", async () => {
  const { context, say, topics } = terminal();
  const beat = { operator: "HeartBeat", info: { time: "1970-01-01 08:00:30" } };
  context.logError = new GatewayError("DISK_FULL", "no space");
  await expect(say(topics.heartbeat, beat)).rejects.toThrow("no space");
  context.logError = undefined;
  await say(topics.heartbeat, beat);
  expect(context.observed).toMatchObject([{ kind: "device.fault", body: { active: true } }]);
});

test("a message that comes after the session has ended is not acknowledged", async () => {
  const { context, session, say, topics } = terminal();
  context.abort();
  await session.done;
  await expect(say(topics.record, fixture("rec-push"))).rejects.toMatchObject({ code: "LOG_CLOSED" });
  expect(context.outcomes).toEqual([]);
});

test("the layout of construction sites is heard on its own topics, and its heartbeat measures the clock", async () => {
  const options = faceSluiceOptions.parse({
    deviceId: "face0001",
    username: "u",
    password: "p",
    heartbeat: "60s",
    topics: { base: "mqtt/device/face", basic: "{base}/{deviceId}/basic", heartbeat: "{base}/{deviceId}/heartbeat" },
  });
  const clock = new ManualClock(Date.parse("2022-07-06T02:02:20Z"));
  const context = new FakeDriverContext({ options, clock });
  openFaceSluice(context);
  await context.mqtt.say("mqtt/device/face/face0001/heartbeat", fixture("construction-site-heart-beat"));
  expect(context.seenDetails).toEqual([{ clockSkewMs: -4000 }]);
  const info = { RecordID: "9", VerifyStatus: "2", time: "2022-07-06 10:02:18" };
  await context.mqtt.say("mqtt/device/face/face0001/Rec", { operator: "RecPush", info });
  expect(context.observed).toMatchObject([{ kind: "access.denied", sourceRecordId: "9" }]);
  expect(context.mqtt.published[0]?.topic).toBe("mqtt/device/face/face0001");
  await context.mqtt.say("mqtt/face/face0001/Rec", { operator: "RecPush", info });
  expect(context.rejections).toMatchObject([{ reason: "wrong-topic" }]);
});

test("what an old terminal measured on a person's forehead is not kept", async () => {
  const { context, say, topics } = terminal();
  await say(topics.record, record({ temperature: "36.2", temperatureAlarm: 1, Temperature: 36.2 }));
  expect(context.observed).toHaveLength(1);
  expect(context.everything()).not.toMatch(/36\.2|emperature/);
});
