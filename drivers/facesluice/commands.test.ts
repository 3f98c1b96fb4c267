import { expect, test } from "vitest";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { commandOffers } from "./commands.ts";
import { faceSluiceOptions } from "./options.ts";
import { openFaceSluice } from "./session.ts";

const now = Date.parse("2026-11-24T00:00:00Z");

function terminal(more: object = {}) {
  const options = faceSluiceOptions.parse({ deviceId: "1026700", username: "u", password: "p", ...more });
  const context = new FakeDriverContext({ options, clock: new ManualClock(now) });
  const session = openFaceSluice(context);
  const give = (name: string, args: Record<string, string> = {}) => {
    if (session.command === undefined) throw new Error("it takes no commands");
    return session.command({ name, args });
  };
  const sent = (): { messageId: string; operator: string; info: Record<string, unknown> }[] =>
    context.mqtt.published.map(({ payload }) => JSON.parse(payload));
  const answer = async (operator: string, more: object = {}) => {
    const { messageId } = sent().at(-1) ?? {};
    const info = { facesluiceId: "1026700", result: "ok" };
    await context.mqtt.say(options.topics.ack, { messageId, operator, code: "200", info, ...more });
    // The next message of the same command follows when the answer was read.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { context, options, give, sent, answer };
}

test("a restart is sent as documented and done when the terminal says so", async () => {
  const { context, give, sent, answer } = terminal();
  const given = give("reboot");
  expect(context.mqtt.published[0]?.topic).toBe("mqtt/face/1026700");
  expect(sent()).toEqual([{ messageId: expect.any(String), operator: "RebootDevice", info: {} }]);
  await answer("RebootDevice-Ack");
  expect(await given).toEqual({ ok: true, confirmed: true });
  expect(context.filteredReasons).toEqual(["reply"]);
});

test.each([
  [{ code: "410" }, "410: it is busy with another batch: try again later"],
  [{ code: 478 }, "478: the face is too similar to one it has"],
  [{ code: "463" }, /^463: it does not know the device id/],
  [{ code: "12345" }, "12345: the meaning of this is not published"],
  [{ code: undefined, info: { result: "fail", detail: "张三" } }, "the device says fail"],
])("an answer %j is a refusal, with what it means", async (more, detail) => {
  const { give, answer } = terminal();
  const given = give("reboot");
  await answer("RebootDevice-Ack", more);
  const expected = typeof detail === "string" ? detail : expect.stringMatching(detail);
  expect(await given).toEqual({ ok: false, why: "refused", detail: expected });
});

test("a terminal that does not answer within ten seconds may have done it, and its late answer is nobody else's", async () => {
  const { context, give, sent, answer } = terminal();
  const first = give("reboot");
  const messageId = sent()[0]?.messageId;
  context.clock.advance(9_999);
  expect(await Promise.race([first, "waiting"])).toBe("waiting");
  context.clock.advance(1);
  expect(await first).toMatchObject({ ok: false, why: "no-answer" });
  const second = give("reboot");
  await answer("RebootDevice-Ack", { messageId, code: "410" });
  expect(await Promise.race([second, "waiting"])).toBe("waiting");
  await answer("RebootDevice-Ack", { messageId: undefined });
  expect(await second).toMatchObject({ ok: true });
});

test("one command is in flight at a time", async () => {
  const { give, sent, answer } = terminal();
  const first = give("reboot");
  expect(await give("get-time")).toMatchObject({ ok: false, why: "refused", detail: /another command/ });
  expect(sent()).toHaveLength(1);
  await answer("RebootDevice-Ack");
  await first;
  void give("get-time");
  expect(sent().at(-1)?.operator).toBe("GetSysTime");
});

test("nothing is sent to a terminal that is known to be away, and nothing after the session has ended", async () => {
  const { context, give, sent } = terminal();
  context.mqtt.connect(false);
  expect(await give("reboot")).toMatchObject({ ok: false, why: "not-connected" });
  context.mqtt.connect(true);
  const given = give("reboot");
  context.abort();
  expect(await given).toMatchObject({ ok: false, why: "no-answer" });
  expect(await give("reboot")).toMatchObject({ ok: false, why: "not-connected" });
  expect(sent()).toHaveLength(1);
});

test("the clock is read, told, and measured as by a heartbeat", async () => {
  const { context, give, answer } = terminal();
  const given = give("get-time");
  await answer("GetSysTime-Ack", { info: { facesluiceId: "1026700", result: "ok", time: "2026-11-24 08:00:42" } });
  expect(await given).toEqual({
    ok: true,
    confirmed: true,
    detail: "its clock reads 2026-11-24 08:00:42, 42 s ahead",
  });
  expect(context.seenDetails).toContainEqual({ clockSkewMs: 42_000 });
  void give("get-time");
  await answer("GetSysTime-Ack", { info: { time: "1970-01-01 08:00:00" } });
  expect(context.observed).toMatchObject([{ kind: "device.fault", body: { code: "clock-wrong", active: true } }]);
});

test("upload is switched on with the documented fields, the configured topics and the heartbeat", async () => {
  const { give, sent, answer } = terminal({ heartbeat: "1m", topics: { base: "site/face" } });
  const given = give("configure-upload");
  expect(sent()[0]).toMatchObject({
    operator: "UpMQTTconfig",
    info: {
      facesluiceId: "1026700",
      StrangerUploadType: 0,
      RecordUploadType: 1,
      BehaviorUploadType: 255,
      KeepAliveInterval: 60,
      OnlineTopic: "site/face/basic",
      HeartbeatTopic: "site/face/heartbeat",
      ResumefromBreakpoint: 1,
      BeginTime: "2026-11-24 08:00:00",
    },
  });
  await answer("UpMQTTconfig-Ack");
  expect(await given).toMatchObject({ ok: true });
});

test("stored records are asked for again by the device's own clock, known persons and strangers", async () => {
  const { give, sent, answer } = terminal();
  const given = give("replay-records", { from: "2026-11-23T16:00:00Z", to: "2026-11-24 07:00:00" });
  await answer("ManualPushRecords-Ack");
  await answer("ManualPushSnaps-Ack");
  expect(await given).toMatchObject({ ok: true });
  const info = { DeviceID: 1026700, TimeS: "2026-11-24 00:00:00", TimeE: "2026-11-24 07:00:00" };
  expect(sent()).toMatchObject([
    { operator: "ManualPushRecords", info },
    { operator: "ManualPushSnaps", info },
  ]);
  expect(new Set(sent().map(({ messageId }) => messageId)).size).toBe(2);
});

test.each([
  [{}],
  [{ from: "yesterday", to: "2026-11-24 08:00:00" }],
  [{ from: "2026-11-24 08:00:00", to: "2026-11-23 08:00:00" }],
  [{ from: "2026-10-01 08:00:00", to: "2026-11-24 08:00:00" }],
  [{ from: "2026-11-23 08:00:00", to: "2026-11-24 08:00:00", what: "pictures" }],
])("a replay of %j is not understood, and nothing is sent", async (args) => {
  const { give, sent } = terminal();
  expect(await give("replay-records", args)).toMatchObject({ ok: false, why: "unsupported" });
  expect(sent()).toEqual([]);
});

test("the firmware is told from whichever answer has it, though old firmware knows only one of them", async () => {
  const { context, give, answer } = terminal();
  const given = give("device-info");
  await answer("GetDeviceInformation-Ack", { code: "462" });
  await answer("Versions-Ack", { info: { version: "V2.1.7 (20240822)", personName: "张三" } });
  expect(await given).toEqual({ ok: true, confirmed: true, detail: "firmware V2.1.7 (20240822)" });
  expect(context.seenDetails).toContainEqual({ firmware: "V2.1.7 (20240822)" });
  expect(context.everything()).not.toContain("张三");
});

test("a version that is no version is not told", async () => {
  const { context, give, answer } = terminal();
  const given = give("device-info");
  await answer("GetDeviceInformation-Ack", { info: { DeviceType: 3 } });
  await answer("Versions-Ack", { info: { version: "<script>" } });
  expect(await given).toEqual({ ok: true, confirmed: true, detail: "terminal" });
  expect(context.seenDetails).not.toContainEqual({ firmware: "<script>" });
});

test("what no public source gives is offered only where the site's configuration gives it", async () => {
  const bare = terminal();
  expect(commandOffers(bare.options).map(({ name }) => name)).toEqual([
    "get-time",
    "reboot",
    "replay-records",
    "configure-upload",
    "device-info",
  ]);
  for (const name of ["unlock", "set-time", "self-destruct"]) {
    expect(await bare.give(name)).toMatchObject({ ok: false, why: "unsupported" });
  }
  expect(bare.sent()).toEqual([]);

  const { options, give, sent, answer } = terminal({
    unlock: {
      operator: "OpenIt",
      info: { to: "{deviceId}", at: "{time}", door: 1, list: [{ n: "{hour}" }, "h{hour}m{minute}"] },
      ackOperator: "OpenedIt",
    },
    setTime: { info: { Year: "{year}", Second: "{second}", Text: "{isoTime}" } },
  });
  const unlock = commandOffers(options).find(({ name }) => name === "unlock");
  expect(unlock).toMatchObject({ actuates: true });
  expect(commandOffers(options).filter(({ actuates }) => actuates)).toHaveLength(1);
  const opened = give("unlock");
  expect(sent()[0]).toMatchObject({
    operator: "OpenIt",
    info: { to: "1026700", at: "2026-11-24 08:00:00", door: 1, list: [{ n: 8 }, "h8m0"] },
  });
  await answer("OpenedIt");
  expect(await opened).toMatchObject({ ok: true, confirmed: true });
  const set = give("set-time");
  expect(sent()[1]).toMatchObject({
    operator: "SetSysTime",
    info: { Year: 2026, Second: 0, Text: "2026-11-24T08:00:00" },
  });
  await answer("SetSysTime-Ack", { code: "462" });
  expect(await set).toMatchObject({ ok: false, why: "refused" });
});

test.each([
  [{ unlock: { info: {} } }],
  [{ unlock: { operator: "Open Door", info: {} } }],
  [{ unlock: { operator: "Open", info: { a: ["{password}"] } } }],
  [{ unlock: { operator: "Open", info: {}, password: "p" } }],
])("a template %j is refused when the configuration is read", (more) => {
  const given = { deviceId: "1", username: "u", password: "p", ...more };
  expect(faceSluiceOptions.safeParse(given).success).toBe(false);
});
