import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { faceSluiceCameraOptions } from "./options.ts";
import { openFaceSluice } from "./session.ts";

const deviceId = "005a213b000b93cc";
const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url));

function camera(more: object = {}, profile?: unknown) {
  const options = faceSluiceCameraOptions.parse({ deviceId, username: "cam", password: "p", ...more });
  const clock = new ManualClock(Date.parse("2024-08-22T03:01:04Z"));
  const context = new FakeDriverContext({ options, clock, profile });
  openFaceSluice(context);
  const say = (operator: string, info: object) => context.mqtt.say(options.topics.snap, { operator, info });
  return { context, say, topics: options.topics };
}

test.each([
  [{ fire: 1, smoke: 0 }, { active: true }],
  [{ fire: "0", smoke: "1" }, { active: true }],
  [{ fire: 2, smoke: 1 }, { active: true }],
  [
    { fire: 2, smoke: 0 },
    { active: true, confidence: 0.5 },
  ],
  [{ smoke: 2 }, { active: true, confidence: 0.5 }],
  [{ fire: 0, smoke: 0 }, { active: false }],
  [{ fire: 0 }, { active: false }],
])("fire and smoke %j are what a camera says of fire: %j", async (signs, body) => {
  const { context, say } = camera();
  await say("FireSmokeSnapPush", { deviceId, snapTime: "2024-08-22 11:01:02", SnapOrRecordID: 7, ...signs });
  expect(context.observed).toEqual([
    {
      kind: "fire.detected",
      occurredAtMs: Date.parse("2024-08-22T03:01:02Z"),
      sourceRecordId: "7",
      dedupKey: "FireSmokeSnapPush|7|||2024-08-22 11:01:02",
      body: { delivery: "live", sensor: "camera", ...body },
    },
  ]);
  expect(context.mqtt.replies()).toMatchObject([{ operator: "PushAck", info: { PushAckType: 3, SnapOrRecordID: 7 } }]);
});

test("a fire without fire or smoke is set aside, and acknowledged", async () => {
  const { context, say } = camera();
  await say("FireSmokeSnapPush", { SnapOrRecordID: 7, fire: 3 });
  expect(context.rejections).toMatchObject([{ reason: "bad-fire-record", detail: "expected fire or smoke 0 to 2" }]);
  expect(context.mqtt.replies()).toHaveLength(1);
});

test("the published thermal alarm is a reading that the rules judge", async () => {
  const { context, topics } = camera();
  await context.mqtt.say(topics.snap, fixture("tem-high-snap-push"));
  expect(context.observed).toMatchObject([
    { kind: "thermal.reading", occurredAtMs: Date.parse("2024-08-22T03:01:02Z"), body: { temperatureC: 55.4 } },
  ]);
});

test.each([
  [{ tempeunit: 1, message: [{ temperature: "212" }] }, 100],
  [{ tempeunit: 0, message: [{ temperature: 40 }, { temperature: 71.5 }, { temperature: "n/a" }] }, 71.5],
  [{ message: [{ temperature: 99_999 }, { Temperature: 12 }] }, 12],
])("the hottest area counts, in °C: %j is %d", async (info, temperatureC) => {
  const { context, say } = camera();
  await say("TemHighSnapPush", { deviceId, sparkAlarm: 0, ...info });
  expect(context.observed).toMatchObject([{ kind: "thermal.reading", body: { temperatureC } }]);
});

test("a spark is a camera's fire, beside the temperature or alone, each with a key of its own", async () => {
  const { context, say } = camera();
  const snapTime = "2024-08-22 11:01:02";
  await say("TemHighSnapPush", { snapTime, sparkAlarm: 1, message: [{ temperature: 30 }] });
  await say("TemHighSnapPush", { snapTime: "2024-08-22 11:01:03", sparkAlarm: "2" });
  expect(context.observed.map(({ kind }) => kind)).toEqual(["thermal.reading", "fire.detected", "fire.detected"]);
  const keys = context.observed.map(({ dedupKey }) => dedupKey);
  expect(new Set(keys).size).toBe(3);
});

test("where the site says so, the camera's own threshold is a fire", async () => {
  const { context, topics } = camera({ highTemperature: "fire" });
  await context.mqtt.say(topics.snap, fixture("tem-high-snap-push"));
  expect(context.observed).toMatchObject([
    { kind: "thermal.reading" },
    { kind: "fire.detected", body: { active: true, sensor: "heat", delivery: "live" } },
  ]);
});

test("a temperature of yesterday is no reading of now, but a spark of yesterday stays on record", async () => {
  const { context, say } = camera();
  await say("TemHighSnapPush", { Sendintime: 0, SnapOrRecordID: 1, message: [{ temperature: 80 }] });
  await say("TemHighSnapPush", { PushType: 2, SnapOrRecordID: 2, sparkAlarm: 1, message: [{ temperature: 80 }] });
  expect(context.filteredReasons).toEqual(["late-reading"]);
  expect(context.observed).toMatchObject([{ kind: "fire.detected", body: { delivery: "manual" } }]);
  expect(context.mqtt.replies()).toHaveLength(2);
});

test("a thermal alarm with nothing in it is set aside", async () => {
  const { context, say } = camera();
  for (const info of [{}, { message: "hot" }, { message: [null, 7] }]) await say("TemHighSnapPush", info);
  expect(context.rejections.map(({ reason }) => reason)).toEqual(Array(3).fill("bad-thermal-record"));
});

test.each([
  ["ElectricalBicycleSnapPush", "electric-bicycle"],
  ["BehaviorSnapPush", "behaviour"],
  ["CountInRegionPush", "head-count"],
])("%s is none of our observations: filtered as %s, and acknowledged", async (operator, reason) => {
  const { context, say } = camera();
  await say(operator, { deviceId, SnapOrRecordID: "99", pic: "data:…" });
  expect(context.filteredReasons).toEqual([reason]);
  expect(context.mqtt.replies()).toMatchObject([{ info: { PushAckType: 3, SnapOrRecordID: 99 } }]);
});

const scene = { width: 1920, height: 1080 };

test.each([[[480, 270, 960, 540]], ["[480, 270, 960, 540]"], [["480", "270", "960", "540"]]])(
  "the box %j of a throw or a fire is kept as fractions where the picture's size is known",
  async (targetPosInScene) => {
    const { context, say } = camera({ scene });
    await say("ParabolicSnapPush", { startTime: "2024-08-22 11:01:02", targetPosInScene });
    await say("FireSmokeSnapPush", { snapTime: "2024-08-22 11:01:02", fire: 1, targetPosInScene });
    const box = { x1: 0.25, y1: 0.25, x2: 0.5, y2: 0.5, frame: { ...scene, unit: "px" } };
    expect(context.observed).toMatchObject([{ body: { box } }, { body: { box } }]);
  },
);

test("no box is kept of a face, of zeros, or where the picture's size is not known", async () => {
  const { context, say } = camera({ scene });
  await say("StrSnapPush", { SnapID: 1, targetPosInScene: [480, 270, 960, 540] });
  await say("RecPush", { RecordID: 1, VerifyStatus: 1, targetPosInScene: [480, 270, 960, 540] });
  await say("ParabolicSnapPush", { snapTime: "2024-08-22 11:01:02", targetPosInScene: "[0,0,0,0]" });
  const blind = camera();
  await blind.say("FireSmokeSnapPush", { fire: 1, targetPosInScene: [480, 270, 960, 540] });
  expect(context.observed).toHaveLength(3);
  expect(JSON.stringify([context.observed, blind.context.observed])).not.toMatch(/box|480|0\.25/);
});

test("a camera's profile that is no view ends the session with a clear error", () => {
  expect(() => camera({}, { picture: "none" })).toThrowError(expect.objectContaining({ code: "PROFILE_INVALID" }));
});
