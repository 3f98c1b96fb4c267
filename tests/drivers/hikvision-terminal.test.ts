import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { open } from "../../drivers/face-terminal/hikvision-isapi.ts";
import { hikvisionTerminalOptions } from "../../drivers/face-terminal/hikvision-options.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext, type FakePush } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../../drivers/hikvision/fixtures/${name}`, import.meta.url), "utf8");
const push = { username: "gate-east", password: "secret" };

function opened(more: object = {}, clock = new ManualClock()) {
  const context = new FakeDriverContext({ options: hikvisionTerminalOptions.parse({ push, ...more }), clock });
  open(context);
  return context;
}

const event = (major: number, sub: number, more: object = {}, envelope: object = {}) => ({
  dateTime: "2026-11-24T08:00:00+08:00",
  eventType: "AccessControllerEvent",
  eventState: "active",
  ...envelope,
  AccessControllerEvent: { majorEventType: major, subEventType: sub, serialNo: 7, currentEvent: true, ...more },
});
const say = (context: FakeDriverContext<unknown>, body: FakePush["body"], more: FakePush = {}) =>
  context.http.push({ ...more, ...(body === undefined ? {} : { body }) });

describe("what terminals were seen to send", () => {
  test("a face pass as JSON: granted, by face, the person as a pseudonym", async () => {
    const context = opened();
    const reply = await say(context, fixture("access-face-pass.json"));
    expect(reply.status).toBe(200);
    expect(context.observed).toEqual([
      {
        kind: "access.granted",
        occurredAtMs: Date.parse("2026-11-24T00:00:01Z"),
        sourceRecordId: "1234",
        dedupKey: `isapi|1234|${Date.parse("2026-11-24T00:00:01Z")}|5|75`,
        body: { delivery: "live", person: context.pseudonym("20260001"), method: "face" },
      },
    ]);
    expect(context.seenDetails).toContainEqual({ clockSkewMs: 1000 });
  });

  test("as XML, and as the part of a form with the picture dropped at the door", async () => {
    const xml = opened({}, new ManualClock(Date.parse("2024-04-19T12:34:57Z")));
    await say(xml, fixture("access-face-pass.xml"), { contentType: "text/plain" });
    const form = opened({}, new ManualClock(Date.parse("2026-07-14T03:33:20Z")));
    await say(form, undefined, {
      contentType: "multipart/form-data",
      parts: [
        { name: "AccessControllerEvent", body: fixture("access-pushed-part.json") },
        { name: "Picture", filename: "Picture.jpg", contentType: "image/jpeg", bytes: 54_321, dropped: true },
      ],
    });
    expect(xml.observed).toMatchObject([{ kind: "access.granted", body: { person: xml.pseudonym("EMP001") } }]);
    expect(form.observed).toMatchObject([{ kind: "access.granted", body: { mask: false } }]);
  });

  test("the lock opens and closes, a region is entered: counted by what it is, and answered", async () => {
    const context = opened();
    for (const name of ["access-lock-open.json", "access-lock-close.json", "fielddetection.xml"]) {
      expect((await say(context, fixture(name))).status).toBe(200);
    }
    expect(context.filteredReasons).toEqual(["event-5-21", "event-5-22", "event-fielddetection"]);
    expect(context.observed).toEqual([]);
  });

  test("heartbeats are a sign of life and show the clock, a time that is none included", async () => {
    const clock = new ManualClock(Date.parse("2024-05-01T12:35:00+08:00"));
    const context = opened({}, clock);
    await say(context, fixture("videoloss-heartbeat.xml"));
    await say(context, { eventType: "heartBeat", eventState: "active", dateTime: "2024-05-01T04:35:03Z" });
    expect(context.filteredReasons).toEqual(["heartbeat", "heartbeat"]);
    expect(context.seenDetails).toEqual(expect.arrayContaining([{ clockSkewMs: 1000 }, { clockSkewMs: 3000 }]));
    await say(context, fixture("videoloss-bad-zone.xml"));
    expect(context.observed).toMatchObject([{ kind: "device.fault", body: { code: "clock-wrong", active: true } }]);
  });
});

describe("the codes", () => {
  test.each([
    [5, 1, "access.granted", { method: "card" }],
    [5, 0x26, "access.granted", { method: "fingerprint" }],
    [5, 0x4b, "access.granted", { method: "face" }],
    [5, 0x9c, "access.granted", { method: "qr-code" }],
    [5, 0xb5, "access.granted", { method: "password" }],
    [5, 6, "access.denied", { method: "card", reason: "no-right" }],
    [5, 8, "access.denied", { method: "card", reason: "expired" }],
    [5, 9, "access.denied", { method: "card", reason: "not-registered" }],
    [5, 0x4c, "access.denied", { method: "face", reason: "refused" }],
    [5, 0x50, "access.denied", { method: "face", reason: "refused" }],
    [5, 0x71, "access.denied", { reason: "refused", personType: "block-list" }],
    [5, 0x97, "access.denied", { method: "password", reason: "refused" }],
    [5, 0x17, "door.released", { by: "exit-button" }],
    [5, 0x34, "door.released", { by: "fire" }],
    [5, 0x19, "door.state", { state: "open" }],
    [5, 0x1a, "door.state", { state: "closed" }],
    [5, 0x1b, "door.state", { state: "forced" }],
    [5, 0x1c, "door.state", { state: "held" }],
    [3, 0x400, "door.released", { by: "remote" }],
    [1, 0x40a, "access.duress", {}],
    [1, 0x418, "fire.detected", { active: true, sensor: "call-point" }],
  ])("%d/%d is %s", async (major, sub, kind, body) => {
    const context = opened();
    await say(context, event(major, sub));
    expect(context.observed).toMatchObject([{ kind, body: { delivery: "live", ...body } }]);
  });

  test.each([
    [0x400, 0x403, "device.fault", { code: "alarm-input" }],
    [0x401, 0x403, "device.fault", { code: "alarm-input" }],
    [0x402, 0x403, "device.fault", { code: "alarm-input" }],
    [0x404, 0x405, "device.tamper", {}],
    [0x406, 0x407, "device.tamper", {}],
    [0x408, 0x409, "contact.state", { role: "event-input" }],
  ])("alarm 1/%d is taken back by 1/%d", async (begin, end, kind, body) => {
    const context = opened();
    await say(context, event(1, begin, { serialNo: 1 }));
    await say(context, event(1, end, { serialNo: 2 }));
    expect(context.observed).toMatchObject([
      { kind, body: { ...body, active: true } },
      { kind, body: { ...body, active: false } },
    ]);
  });

  test("0x400 is three things by its major code", async () => {
    const context = opened();
    for (const major of [1, 2, 3]) await say(context, event(major, 0x400, { serialNo: major }));
    expect(context.observed.map(({ kind }) => kind)).toEqual(["device.fault", "door.released"]);
    expect(context.filteredReasons).toEqual(["event-2-1024"]);
  });

  test("a reader that is closed again says nothing while the case still stands open", async () => {
    const context = opened();
    for (const [serialNo, sub] of [0x404, 0x406, 0x407, 0x405].entries())
      await say(context, event(1, sub, { serialNo }));
    const said = context.observed.map(({ body }) => ("active" in body ? body.active : undefined));
    expect(said).toEqual([true, true, false]);
    expect(context.filteredReasons).toEqual(["tamper-elsewhere"]);
  });

  test("numbers as text, as from XML, mean the same", async () => {
    const context = opened();
    await say(
      context,
      event(5, 27, { majorEventType: "5", subEventType: " 27 ", currentEvent: "true", serialNo: "7" }),
    );
    await say(context, event(5, 27));
    expect(context.observed[0]).toEqual(context.observed[1]);
  });

  test.each([
    [5, 9999],
    [4, 75],
    [0, 0],
  ])("a code that we do not know, %d/%d, is counted under its number", async (major, sub) => {
    const context = opened();
    expect((await say(context, event(major, sub))).status).toBe(200);
    expect(context.filteredReasons).toEqual([`event-${major}-${sub}`]);
  });

  test("an event that is over, and one that nobody knows, are told apart", async () => {
    const context = opened();
    await say(context, event(5, 75, {}, { eventState: "inactive" }));
    await say(context, { eventType: "cidEvent", eventState: "active" });
    await say(context, { eventType: "<script>alert(1)</script>", eventState: "active" });
    expect(context.filteredReasons).toEqual(["inactive", "event-cidevent", "event-other"]);
  });
});

describe("late, again, and whose", () => {
  test("currentEvent false is a record of the past: late, and dated when it happened", async () => {
    const context = opened();
    await say(context, event(5, 76, { currentEvent: false }, { dateTime: "2026-11-22T23:00:00+08:00" }));
    expect(context.observed).toMatchObject([
      { occurredAtMs: Date.parse("2026-11-22T15:00:00Z"), body: { delivery: "late" } },
    ]);
    expect(context.seenDetails).toEqual([]);
  });

  test("without the flag a record that the clock proves old is late, a new one is live", async () => {
    const context = opened();
    await say(context, { eventType: "heartBeat", dateTime: "2026-11-24T08:00:00+08:00" });
    await say(context, event(5, 76, { currentEvent: undefined }, { dateTime: "2026-11-24T07:30:00+08:00" }));
    await say(context, event(5, 76, { currentEvent: undefined }));
    expect(context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""))).toEqual(["late", "live"]);
  });

  test("a terminal that dates its events 1970 though its clock is right is live, dated by receipt", async () => {
    const context = opened();
    await say(context, { eventType: "heartBeat", dateTime: "2026-11-24T08:00:00+08:00" });
    await say(context, event(5, 76, {}, { dateTime: "1970-01-01T08:00:00+08:00" }));
    expect(context.observed).toMatchObject([{ kind: "access.denied", body: { delivery: "live" } }]);
    expect(context.observed[0]).not.toHaveProperty("occurredAtMs");
  });

  test.each([
    ["2026-11-24T08:00:00+08:00", "2026-11-24T00:00:00Z"],
    ["2026-11-24T08:00:00", "2026-11-24T00:00:00Z"],
    ["2026-11-24T00:00Z", "2026-11-24T00:00:00Z"],
    ["2026-11-24T08:00", "2026-11-24T00:00:00Z"],
    ["2026-11-24T01:00:00+01:00", "2026-11-24T00:00:00Z"],
    ["2026-11-24 00:00:00Z", "2026-11-24T00:00:00Z"],
  ])("the time %s is %s: an offset that is there is honoured, else it is the site's", async (dateTime, meant) => {
    const context = opened();
    await say(context, event(5, 76, {}, { dateTime }));
    expect(context.observed[0]?.occurredAtMs).toBe(Date.parse(meant));
  });

  test("one event by push and by stream has one key, though its time is spelt differently; a restarted counter has not", async () => {
    const context = opened();
    await say(context, event(5, 76));
    await say(context, event(5, 76, { serialNo: "7" }, { dateTime: "2026-11-24T00:00:00Z", uuid: "0a-1" }));
    await say(context, event(5, 76, {}, { dateTime: "2026-11-24T08:00:01+08:00" }));
    await say(context, event(5, 76, { serialNo: undefined }, { uuid: "0a-1" }));
    await say(context, event(5, 76, { serialNo: undefined }));
    const keys = context.observed.map(({ dedupKey }) => dedupKey);
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(4);
    expect(keys[3]).toBe("isapi|0a-1");
    expect(keys[4]).toBeUndefined();
  });

  test("the device id, where it is configured, must be its own", async () => {
    const context = opened({ deviceId: "66666" });
    await say(context, fixture("access-face-pass.json"));
    await say(context, event(5, 75, {}, { deviceID: "77777" }));
    await say(context, event(5, 75));
    expect(context.outcomes).toEqual(["observed", "rejected", "observed"]);
    expect(context.rejections).toMatchObject([{ reason: "foreign-id" }]);
  });

  test("no name, card or employee number leaves", async () => {
    const context = opened();
    const secrets = { name: "王小明", employeeNoString: "EMP-SECRET-1", cardNo: "9988776655", netUser: "admin-secret" };
    for (const major of [1, 2, 3, 5])
      for (let sub = 0; sub < 256; sub += 1) await say(context, event(major, sub, secrets));
    await say(context, event(5, 75, { ...secrets, employeeNoString: "", subEventType: "王小明" }));
    await say(context, `{"eventType":"AccessControllerEvent","name":"王小明"`);
    for (const secret of Object.values(secrets)) expect(context.everything()).not.toContain(secret);
    const card = opened();
    await say(card, event(5, 1, { cardNo: "9988776655", employeeNoString: "" }));
    await say(card, event(5, 1, { cardNo: "0" }));
    expect(card.observed[0]?.body).toMatchObject({ person: card.pseudonym("9988776655") });
    expect(card.observed[1]?.body).not.toHaveProperty("person");
  });
});

describe("the answer", () => {
  test("comes after the event is durable, and is 503 where the log refuses", async () => {
    const context = opened();
    context.held = true;
    const said = say(context, event(5, 27));
    await new Promise((resolve) => setImmediate(resolve));
    expect(context.http.replies).toEqual([]);
    context.commit();
    expect((await said).status).toBe(200);
    context.held = false;
    context.logError = new GatewayError("DISK_FULL", "no space");
    expect((await say(context, event(5, 27, { serialNo: 8 }))).status).toBe(503);
  });

  test("a wrong clock that the log could not take is reported with the next record", async () => {
    const context = opened();
    context.logError = new GatewayError("DISK_FULL", "no space");
    await say(context, event(5, 27, {}, { dateTime: "2001-01-01T00:00:00Z" }));
    context.logError = undefined;
    await say(context, event(5, 27, {}, { dateTime: "2001-01-01T00:00:00Z" }));
    await say(context, event(5, 27, {}, { dateTime: "2001-01-01T00:00:00Z" }));
    expect(context.observed.filter(({ kind }) => kind === "device.fault")).toHaveLength(1);
  });

  test.each([
    ["", "no-document"],
    ["not json", "no-document"],
    ['{"eventType":', "bad-json"],
    ["<a", "bad-xml"],
  ])("bad input %j is told to who sends it", async (body, reason) => {
    const context = opened();
    expect((await say(context, body)).status).toBe(400);
    expect(context.rejections).toMatchObject([{ reason }]);
  });

  test.each([
    ["{}", "wrong-shape"],
    ['{"eventType":"AccessControllerEvent"}', "bad-access-record"],
    ['{"eventType":"AccessControllerEvent","AccessControllerEvent":[]}', "bad-access-record"],
    [
      '{"eventType":"AccessControllerEvent","AccessControllerEvent":{"majorEventType":5.5,"subEventType":1}}',
      "bad-access-record",
    ],
    [
      '{"eventType":"AccessControllerEvent","AccessControllerEvent":{"majorEventType":-5,"subEventType":1}}',
      "bad-access-record",
    ],
  ])(
    "what can be read and not used, %j, is set aside and answered, so that it does not come for ever",
    async (body, reason) => {
      const context = opened();
      expect((await say(context, body)).status).toBe(200);
      expect(context.rejections).toMatchObject([{ reason }]);
    },
  );

  test("pictures alone, a probe, and a form without an event are told apart", async () => {
    const context = opened();
    const picture = { name: "Picture", contentType: "image/jpeg", dropped: true };
    expect((await say(context, undefined, { parts: [picture] })).status).toBe(200);
    expect((await say(context, undefined, { parts: [{ name: "a", body: "b" }, picture] })).status).toBe(200);
    expect((await say(context, undefined, { method: "GET" })).status).toBe(200);
    expect((await say(context, undefined, { parts: [{ name: "a", body: "b" }] })).status).toBe(400);
    expect(context.filteredReasons).toEqual(["picture-only", "picture-only", "probe"]);
    expect(context.rejections).toMatchObject([{ reason: "no-document" }]);
  });
});

test.each([
  [{}],
  [{ alertStream: true }],
  [{ push: { username: "x" } }],
  [{ push: { token: "short" } }],
  [{ push, device: { address: "http://u:p@host", username: "a", password: "b" } }],
  [{ push, device: { address: "ftp://host", username: "a", password: "b" } }],
  [{ push, device: { address: "http://host/path", username: "a", password: "b" } }],
  [{ push, unlock: { path: "/ISAPI/AccessControl/RemoteControl/door/1" } }],
  [{ push, unlock: { path: "http://elsewhere/" }, device: { address: "http://host", username: "a", password: "b" } }],
])("options that lead nowhere are refused: %j", (given) => {
  expect(hikvisionTerminalOptions.safeParse(given).success).toBe(false);
});
