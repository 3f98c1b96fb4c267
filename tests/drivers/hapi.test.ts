import { describe, expect, test } from "vitest";
import { open } from "../../drivers/throw-camera/hapi.ts";
import { hapiGrants, hapiOptions } from "../../drivers/throw-camera/hapi-options.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const deviceId = "ANJ2404180001";
function opened() {
  const context = new FakeDriverContext({
    options: hapiOptions.parse({ deviceId, username: "cam-b3", password: "pw" }),
  });
  open(context);
  return context;
}

const at = Date.parse("2026-11-24T00:00:00Z") / 1000;
/** As the firmware writes it (`hapi_event_notify_all_sub_node`); the picture is cut out. */
const notification = (more: object = {}) => ({
  AlarmType: "ObjectDetect",
  AlarmSubType: "FallingObjectsDetectionAlarm",
  TimeStamp: at,
  LocalTime: "2026-11-24 08:00:00",
  ChannelNo: 0,
  NotificationType: 0,
  OccurFlag: "true",
  DeviceID: deviceId,
  Picture: { Size: 4001, Data: "A".repeat(4000) },
  AlarmInfo: { image: null, ObjectDetectInfo: null },
  ...more,
});
const say = (context: FakeDriverContext<unknown>, body: object | string) =>
  context.http.push({ body, contentType: "application/x-www-form-urlencoded" });

describe("what a HAPI camera notifies", () => {
  test("a falling object is a throw though the header says form", async () => {
    const context = opened();
    expect((await say(context, notification())).status).toBe(200);
    expect(context.observed).toEqual([
      {
        kind: "throw.detected",
        occurredAtMs: at * 1000,
        dedupKey: `hapi|${deviceId}|FallingObjectsDetectionAlarm|${at}|true`,
        body: { delivery: "live" },
      },
    ]);
    expect(context.seenDetails).toEqual([{ clockSkewMs: 0 }]);
  });

  test("its end is no second throw", async () => {
    const context = opened();
    await say(context, notification({ OccurFlag: "false", AlarmInfo: null, Picture: undefined }));
    expect([context.observed, context.filteredReasons]).toEqual([[], ["ended"]]);
  });

  test.each([
    ["FireDetect", "FireAlarm", "fire.detected", { delivery: "live", active: true, sensor: "camera" }],
    ["FireDetect", "FlameAndFumesAlarm", "fire.detected", { delivery: "live", active: true, sensor: "camera" }],
    ["IOInputDetect", "InputAlarm", "contact.state", { active: true, role: "camera-input" }],
    ["MaskDetect", "MaskImageAlarm", "device.tamper", { active: true }],
  ])("%s/%s is %s, and OccurFlag false takes it back", async (AlarmType, AlarmSubType, kind, body) => {
    const context = opened();
    await say(context, notification({ AlarmType, AlarmSubType }));
    await say(context, notification({ AlarmType, AlarmSubType, OccurFlag: "false" }));
    expect(context.observed).toMatchObject([
      { kind, body },
      { kind, body: { ...body, active: false } },
    ]);
    expect(new Set(context.observed.map(({ dedupKey }) => dedupKey)).size).toBe(2);
  });

  test.each(["FaceIsDetected", "ElectricbicycleDetect", "HighTemperatureHighAlarm", "NetworkDisconnected"])(
    "%s is counted and no more",
    async (AlarmSubType) => {
      const context = opened();
      await say(context, notification({ AlarmType: "Else", AlarmSubType }));
      expect(context.filteredReasons).toEqual([`event-${AlarmSubType}`]);
    },
  );

  test("a name that no firmware has is not made a name of ours", async () => {
    const context = opened();
    await say(context, notification({ AlarmSubType: "王小明 <b>" }));
    expect(context.filteredReasons).toEqual(["event-other"]);
  });

  test("a wrong clock is told once; without an epoch the wall clock in the site's zone is taken", async () => {
    const context = opened();
    await say(context, notification({ TimeStamp: 1, LocalTime: "1970-01-01 08:00:01" }));
    await say(context, notification({ TimeStamp: undefined }));
    expect(context.observed.map(({ kind }) => kind)).toEqual([
      "device.fault",
      "throw.detected",
      "device.fault",
      "throw.detected",
    ]);
    expect(context.observed[1]).not.toHaveProperty("occurredAtMs");
    expect(context.observed[3]?.occurredAtMs).toBe(at * 1000);
    expect(context.observed[3]?.dedupKey).toContain("|2026-11-24 08:00:00|");
  });

  test.each([
    ["", "no-document", 400],
    ["AlarmType=ObjectDetect", "no-document", 400],
    ['{"AlarmType":', "bad-json", 400],
    ["{}", "wrong-shape", 400],
    [notification({ OccurFlag: "perhaps" }), "wrong-shape", 400],
    [notification({ DeviceID: undefined }), "wrong-shape", 400],
    [notification({ DeviceID: "another" }), "foreign-id", 400],
  ])("bad input %# is %s", async (body, reason, status) => {
    const context = opened();
    expect((await say(context, body)).status).toBe(status);
    expect(context.rejections).toMatchObject([{ reason }]);
  });

  test("is answered when it is durable; what the log refuses is lost with such a camera, and said so", async () => {
    const context = opened();
    context.logError = new GatewayError("DISK_FULL", "no space");
    expect((await say(context, notification())).status).toBe(503);
    context.logError = undefined;
    expect((await say(context, notification())).status).toBe(200);
  });
});

describe("what a camera may, by its options", () => {
  test("its fixed path, with user name and password, or with the secret in the path", () => {
    const account = hapiOptions.parse({ deviceId, username: "u", password: "p", prefix: "b3/north" });
    expect(hapiGrants(account)).toMatchObject({
      paths: ["/HAPI/V1.0/b3/north/Event/Notification"],
      username: "u",
      password: "p",
    });
    expect(hapiGrants(account)).not.toHaveProperty("token");
    const secret = hapiOptions.parse({ deviceId, prefix: "b3/0123456789abcdef" });
    expect(hapiGrants(secret)).toMatchObject({
      paths: ["/HAPI/V1.0/b3/0123456789abcdef/Event/Notification"],
      token: "0123456789abcdef",
    });
    expect(hapiGrants(hapiOptions.parse({ deviceId, username: "u", password: "p" })).paths).toEqual([
      "/HAPI/V1.0/Event/Notification",
    ]);
  });

  test.each([
    [{}],
    [{ prefix: "short" }],
    [{ prefix: "../0123456789abcdef" }],
    [{ prefix: "0123456789abcdef/" }],
    [{ username: "u" }],
  ])("%j is refused", (more) => {
    expect(hapiOptions.safeParse({ deviceId, ...more }).success).toBe(false);
  });
});
