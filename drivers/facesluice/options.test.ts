import { expect, test } from "vitest";
import { faceSluiceGrants, faceSluiceOptions, faceSluiceSilence } from "./options.ts";

const given = { deviceId: "1026700", username: "gate-east", password: "p" };

test("a terminal may speak on its own topics and the two shared ones, and listen on its own alone", () => {
  expect(faceSluiceGrants(faceSluiceOptions.parse(given))).toEqual({
    username: "gate-east",
    password: "p",
    publish: [
      "mqtt/face/1026700/Ack",
      "mqtt/face/1026700/Rec",
      "mqtt/face/1026700/Snap",
      "mqtt/face/1026700/rec/AttendanceRecord",
      "mqtt/face/basic",
      "mqtt/face/heartbeat",
    ],
    subscribe: ["mqtt/face/1026700"],
  });
});

test("the topic layout of construction sites is a matter of options", () => {
  const topics = {
    base: "mqtt/device/face",
    basic: "{base}/{deviceId}/basic",
    heartbeat: "{base}/{deviceId}/heartbeat",
  };
  const options = faceSluiceOptions.parse({ ...given, topics, heartbeat: "1m" });
  expect(options.topics.basic).toBe("mqtt/device/face/1026700/basic");
  expect(options.topics.record).toBe("mqtt/device/face/1026700/Rec");
  expect(faceSluiceSilence(options)).toBe(185_000);
});

test("three missed heartbeats of 30 s are silence", () => {
  expect(faceSluiceSilence(faceSluiceOptions.parse(given))).toBe(95_000);
});

test.each([["a/b"], ["+"], ["#"], ["a\0b"], [""], ["a b"], ["x".repeat(65)], [1026700]])(
  "%j cannot be a device id, since it is one level of a topic",
  (deviceId) => {
    expect(faceSluiceOptions.safeParse({ ...given, deviceId }).success).toBe(false);
  },
);

test.each([["mqtt/+"], ["mqtt/#"], ["/mqtt"], ["mqtt/"], ["$SYS"], ["a\0b"]])("%j cannot be a topic", (base) => {
  expect(faceSluiceOptions.safeParse({ ...given, topics: { base } }).success).toBe(false);
});

test.each([["30"], [30], ["0s"], ["2h"], ["soon"]])("%j is no heartbeat", (heartbeat) => {
  expect(faceSluiceOptions.safeParse({ ...given, heartbeat }).success).toBe(false);
});

test("a wrong password is not repeated in the error", () => {
  const result = faceSluiceOptions.safeParse({
    ...given,
    password: { canary: "s3cret-canary" },
    passwort: "s3cret-canary",
  });
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error)).not.toContain("s3cret-canary");
});
