import { expect, test } from "vitest";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { faceSluiceOptions } from "./options.ts";
import { openFaceSluice } from "./session.ts";

const canary = "CANARY-张三丰-440301199001011234";
const picture = `data:image/jpeg;base64,${canary}${"QUJD".repeat(20_000)}`;

/** Every field in which the firmware of this family has been seen to carry a person or a picture, and some more. */
const personal = {
  personName: canary,
  persionName: canary,
  name: canary,
  idCard: canary,
  telnum: canary,
  telnum1: canary,
  address: canary,
  birthday: canary,
  facesname: canary,
  deviceName: canary,
  pic: picture,
  scene: picture,
  SanpPic: picture,
  ScenePic: picture,
  Pic: canary,
  tempic: picture,
  picURI: `http://192.0.2.1/${canary}.jpg`,
  notes: canary,
};

function openedTerminal() {
  const options = faceSluiceOptions.parse({ deviceId: "1026700", username: "u", password: "p" });
  const context = new FakeDriverContext({ options });
  openFaceSluice(context);
  return { context, topics: options.topics };
}

const passed = { ...personal, RecordID: "2", VerifyStatus: "1", Sendintime: 1, time: "2026-11-24 08:00:00" };

test.each([
  ["RecPush", { ...passed, customId: canary, personId: canary }],
  ["RecPush", { ...passed, customId: "", personId: canary, VerifyStatus: "2" }],
  ["RecPush", { ...passed, VerifyStatus: canary }],
  ["RecPush", { ...passed, VerifyStatus: "0" }],
  ["RecPush", { ...passed, RecordID: canary, time: canary, similarity1: canary, isNoMask: canary, PersonType: canary }],
  ["RecPush", { ...personal, facesluiceId: canary }],
  ["StrSnapPush", { ...passed, SnapID: canary, targetPosInScene: canary }],
  ["ParabolicSnapPush", { ...passed, startTime: canary, endTime: canary, snapTime: canary, SnapOrRecordID: canary }],
  ["FireSmokeSnapPush", { ...passed, SnapOrRecordID: canary }],
  ["SearchPerson-Ack", passed],
  ["Online", { ...passed, time: canary }],
  ["HeartBeat", { ...passed, time: canary }],
  ["Offline", passed],
  [canary, passed],
])("no name, number or picture of a person gets past the door in %s", async (operator, info) => {
  const { context, topics } = openedTerminal();
  await context.mqtt.say(topics.record, { ...personal, operator, messageId: canary, info });
  await context.mqtt.say(topics.record, { ...personal, operator, info: canary });
  expect(context.outcomes).toHaveLength(2);
  expect(context.everything()).not.toContain("CANARY");
  expect(context.everything()).not.toContain("张三");
  expect(context.everything()).not.toContain("QUJDQUJD");
});

test("no part of a broken frame gets into the reason why it was refused", async () => {
  const { context, topics } = openedTerminal();
  const whole = Buffer.from(JSON.stringify({ operator: "RecPush", info: personal }));
  for (const length of [10, 40, 60, 100, 300, 2000, whole.length - 1]) {
    await context.mqtt.say(topics.record, whole.subarray(0, length));
  }
  await context.mqtt.say(topics.record, `{"operator": ${canary}}`);
  await context.mqtt.say(topics.record, canary);
  await context.mqtt.say(`mqtt/face/${canary}/Rec`, "{}");
  expect(new Set(context.outcomes)).toEqual(new Set(["rejected"]));
  const told = context.rejections.map(({ reason, detail }) => reason + detail).join();
  expect(told).not.toMatch(/CANARY|张三/);
});

test("the canary would be found if it did get out", async () => {
  const { context } = openedTerminal();
  context.filtered(canary);
  expect(context.everything()).toContain("CANARY");
});
