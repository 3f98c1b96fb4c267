import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import * as terminalHttp from "../../drivers/face-terminal/mapped-http.ts";
import { faceTerminalMappedHttp } from "../../drivers/face-terminal/mapped-manifest.ts";
import * as cameraHttp from "../../drivers/throw-camera/mapped-http.ts";
import { throwCameraMappedHttp, throwCameraMappedMqtt } from "../../drivers/throw-camera/mapped-manifest.ts";
import * as cameraMqtt from "../../drivers/throw-camera/mapped-mqtt.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const account = { username: "u", password: "p" };

function camera(mapping: object, more: object = {}) {
  const options = throwCameraMappedHttp.options.parse({ ...account, mapping, ...more });
  const context = new FakeDriverContext({ options: options as Parameters<typeof cameraHttp.open>[0]["options"] });
  cameraHttp.open(context);
  return context;
}

function cameraOverMqtt(mapping: object, more: object = {}) {
  const options = throwCameraMappedMqtt.options.parse({ ...account, topics: ["box/alarm"], mapping, ...more });
  const context = new FakeDriverContext({ options: options as Parameters<typeof cameraMqtt.open>[0]["options"] });
  cameraMqtt.open(context);
  context.mqtt.connect(true);
  return context;
}

function terminal(mapping: object) {
  const options = faceTerminalMappedHttp.options.parse({ ...account, mapping });
  const context = new FakeDriverContext({ options: options as Parameters<typeof terminalHttp.open>[0]["options"] });
  terminalHttp.open(context);
  return context;
}

/**
 * As an event of the NetSDK's structure DEV_EVENT_HIGH_TOSS_DETECT_INFO would look in the JSON of whoever wraps it: the names are the
 * SDK's, the JSON is nobody's. 0 pulse, 1 start, 2 stop; boxes on the grid of 8192.
 */
const wrapped = {
  time: { at: "/UTC", format: "epoch-s" },
  key: ["/nEventID", "/UTC"],
  record: "/nEventID",
  events: [
    {
      when: [
        { at: "/code", is: "HighToss" },
        { at: "/nAction", is: [0, 1] },
      ],
      as: "throw",
    },
    { when: [{ at: "/nAction", is: 2 }], as: "ignore" },
    { when: [{ at: "/code", is: "Heart" }], as: "heartbeat" },
  ],
  confidence: { at: "/stuObjInfos/0/nConfidence", of: 255 },
  frame: { width: 8192, height: 8192, unit: "8192" },
  box: {
    places: [
      "/stuObjInfos/0/stuBoundingBox/left",
      "/stuObjInfos/0/stuBoundingBox/top",
      "/stuObjInfos/0/stuBoundingBox/right",
      "/stuObjInfos/0/stuBoundingBox/bottom",
    ],
  },
  region: "/nRuleID",
};

const toss = (at: number, more: object = {}) => ({
  code: "HighToss",
  nAction: "1",
  nEventID: 77,
  UTC: Math.floor(at / 1000),
  nRuleID: 3,
  stuObjInfos: [{ nConfidence: "204", stuBoundingBox: { left: 4096, top: "2048", right: 4505.6, bottom: 2457.6 } }],
  ...more,
});

describe("a thrown object that a platform pushes", () => {
  test("is read from where the mapping says it stands, numbers bare or as text", async () => {
    const context = camera(wrapped);
    const at = context.clock.wall() - 2000;
    const reply = await context.http.push({ body: toss(at) });
    expect(reply).toEqual({ status: 200, contentType: "application/json", body: "" });
    expect(context.observed).toMatchObject([
      {
        kind: "throw.detected",
        sourceRecordId: "77",
        occurredAtMs: at,
        body: {
          delivery: "live",
          confidence: 0.8,
          box: { x1: 0.5, y1: 0.25, x2: 0.55, y2: 0.3, frame: { unit: "8192" } },
        },
      },
    ]);
  });

  test("its end and its heartbeats are no throws, and are told apart", async () => {
    const context = camera(wrapped);
    await context.http.push({ body: toss(context.clock.wall(), { nAction: 2 }) });
    await context.http.push({ body: { code: "Heart" } });
    expect(context.filteredReasons).toEqual(["ignored", "heartbeat"]);
  });

  test("what no entry fits is told once with what stands there, and then counted", async () => {
    const context = camera(wrapped);
    for (let nth = 0; nth < 3; nth++) await context.http.push({ body: { code: "FaceCompare", name: "王小明" } });
    expect(context.http.replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(context.rejections).toMatchObject([
      { reason: "unmapped-event", detail: 'no entry of events fits; /code is "FaceCompare", /nAction is not there' },
    ]);
    expect(context.filteredReasons).toEqual(["unmapped", "unmapped"]);
    expect(context.everything()).not.toContain("王小明");
  });

  test("is answered as the sender wants it, and not before it is durable", async () => {
    const context = camera(wrapped, { reply: { body: '{"code":0}' } });
    context.held = true;
    const pushed = context.http.push({ body: toss(context.clock.wall()) });
    expect(context.http.replies).toEqual([]);
    context.commit();
    expect(await pushed).toMatchObject({ status: 200, body: '{"code":0}' });
    context.held = false;
    context.logError = new GatewayError("DISK_FULL", "no space");
    expect((await context.http.push({ body: toss(context.clock.wall(), { nEventID: 78 }) })).status).toBe(503);
  });

  test("comes in a multipart body beside its picture", async () => {
    const context = camera(wrapped);
    const parts = [
      { name: "img", contentType: "image/jpeg", dropped: true },
      { name: "event", contentType: "text/plain", body: toss(context.clock.wall()) },
    ];
    expect((await context.http.push({ contentType: "multipart/form-data", parts })).status).toBe(200);
    expect(context.observed).toHaveLength(1);
  });

  test("a body that is none is refused with 400, a GET with 405", async () => {
    const context = camera(wrapped);
    expect((await context.http.push({ body: "<xml/>" })).status).toBe(400);
    expect((await context.http.push({ method: "GET" })).status).toBe(405);
    expect(context.rejections.map(({ reason }) => reason)).toEqual(["bad-json", "wrong-method"]);
  });
});

describe("a list of records of many cameras", () => {
  const mapping = {
    ...wrapped,
    each: "/params/events",
    device: { at: "/camera", is: ["b3", "B3"] },
  };

  test("only this device's are observed, together", async () => {
    const context = camera(mapping);
    const at = context.clock.wall();
    const event = (camera: string, nEventID: number) => ({ ...toss(at), camera, nEventID });
    await context.http.push({ body: { params: { events: [event("b3", 1), event("b4", 2), event("B3", 3)] } } });
    expect(context.observed.map(({ sourceRecordId }) => sourceRecordId)).toEqual(["1", "3"]);
    expect(context.outcomes).toEqual(["observed"]);
    await context.http.push({ body: { params: { events: [event("b4", 4)] } } });
    await context.http.push({ body: { params: { events: [] } } });
    expect(context.filteredReasons).toEqual(["other-device", "no-record"]);
  });

  test("where it is no list, or nobody's, it is reported", async () => {
    const context = camera(mapping);
    await context.http.push({ body: { params: { events: {} } } });
    await context.http.push({ body: { params: { events: [toss(0)] } } });
    expect(context.rejections.map(({ reason }) => reason)).toEqual(["wrong-shape", "wrong-shape"]);
  });
});

describe("old records", () => {
  const marked = {
    ...wrapped,
    late: [{ at: "/isDataRetransmission", is: true }],
    manual: [{ at: "/replayed", is: 1 }],
    lateAfter: "5m",
  };
  test.each([
    ["now", {}, 0, "live"],
    ["marked as sent again", { isDataRetransmission: true }, 0, "late"],
    ["sent again by a person", { replayed: "1", isDataRetransmission: true }, 0, "manual"],
    ["ten minutes old", {}, 600_000, "late"],
    ["two days old and marked", { isDataRetransmission: true }, 2 * 86_400_000, "late"],
  ])("%s", async (_, more, ageMs, delivery) => {
    const context = camera(marked);
    const at = context.clock.wall() - ageMs;
    await context.http.push({ body: toss(at, more) });
    expect(context.observed).toMatchObject([{ occurredAtMs: at, body: { delivery } }]);
  });

  test("without a limit the sender's clock makes nothing late", async () => {
    const context = camera({ ...wrapped });
    await context.http.push({ body: toss(context.clock.wall() - 600_000) });
    expect(context.observed).toMatchObject([{ body: { delivery: "live" } }]);
  });

  test("over MQTT only what comes right after a connect can be old", async () => {
    const context = cameraOverMqtt(marked);
    const old = () => toss(context.clock.wall() - 600_000, { nEventID: context.clock.now() });
    await context.mqtt.say("box/alarm", old());
    context.clock.advance(61_000);
    await context.mqtt.say("box/alarm", old());
    expect(context.observed.map(({ body }) => "delivery" in body && body.delivery)).toEqual(["late", "live"]);
  });
});

test("track, place and times come from where the mapping says they stand", async () => {
  const context = camera({
    time: { at: "/t", format: "local" },
    startedAt: { at: "/from", format: "local" },
    endedAt: { at: "/to", format: "local" },
    events: [{ when: [{ at: "/k", is: "抛物" }], as: "throw" }],
    frame: { width: 1000, height: 500, unit: "px" },
    box: { at: "/box", form: "size" },
    track: { at: "/path", x: "/0", y: "/1", time: { at: "/2", format: "epoch-ms" } },
    place: { building: "/where/b", unit: "/where/u", floor: "/where/f" },
  });
  context.clock.jump(Date.parse("2026-11-24T00:00:10.000Z"));
  const path = [500, 400, 300].map((y, n) => [100, 500 - y, 1795478400000 + n * 40]);
  const body = {
    k: "抛物",
    t: "2026-11-24 08:00:05",
    from: "2026-11-24 08:00:03",
    to: "2026-11-24T08:00:05.5",
    box: [100, 50, 20, "10"],
    path,
    where: { b: "3栋", u: 2, f: "15" },
  };
  await context.http.push({ body });
  expect(context.observed).toMatchObject([
    {
      occurredAtMs: Date.parse("2026-11-24T00:00:05.000Z"),
      body: {
        startedAt: "2026-11-24T00:00:03.000Z",
        endedAt: "2026-11-24T00:00:05.500Z",
        box: { x1: 0.1, y1: 0.1, x2: 0.12, y2: 0.12 },
        track: { points: [{ ms: 0, x: 0.1, y: 0 }, { ms: 40 }, { ms: 80, y: 0.4 }] },
        origin: { building: "3栋", unit: "2", floor: 15, method: "device" },
      },
    },
  ]);
});

describe("a platform's access events by their published codes", () => {
  const mapping = {
    time: { at: "/info/alarmDate", format: "epoch-s" },
    key: ["/info/alarmCode"],
    record: "/info/alarmCode",
    events: [
      { when: [{ at: "/info/alarmType", is: 51 }], as: "granted", method: "card" },
      { when: [{ at: "/info/alarmType", is: 61 }], as: "granted", method: "face" },
    ],
    person: "/info/personId",
    similarity: { at: "/info/score", of: 1 },
  };

  test.each([
    ["51", "card"],
    [61, "face"],
  ])("%s opened the door by %s; the person is a pseudonym", async (alarmType, method) => {
    const context = terminal(mapping);
    const info = {
      alarmType,
      alarmCode: "0b2d6a70-5a0e-4f86-9a1e-0123456789ab",
      alarmDate: String(context.clock.wall() / 1000),
      personId: "110101199003070000",
      score: "0.93",
    };
    await context.http.push({ body: { category: "alarm", info } });
    expect(context.observed).toMatchObject([
      { kind: "access.granted", sourceRecordId: info.alarmCode, body: { method, similarity: 93, delivery: "live" } },
    ]);
    expect(context.everything()).not.toContain("110101199003070000");
  });
});

test("credentials are both or a token, and a place is a pointer", () => {
  const mapping = { events: [{ when: [{ at: "/a", is: 1 }], as: "throw" }] };
  const parses = (options: object) => throwCameraMappedHttp.options.safeParse(options).success;
  expect(parses({ mapping, username: "u", password: "p" })).toBe(true);
  expect(parses({ mapping, token: "0123456789abcdef" })).toBe(true);
  expect(parses({ mapping, username: "u" })).toBe(false);
  expect(parses({ mapping })).toBe(false);
  const bad = { events: [{ when: [{ at: "a.b", is: 1 }], as: "throw" }] };
  expect(parses({ mapping: bad, username: "u", password: "p" })).toBe(false);
});

test("the examples of the documentation are mappings", () => {
  const text = readFileSync(new URL("../../drivers/json-events/README.md", import.meta.url), "utf8");
  const examples = [...text.matchAll(/```yaml\n([^`]*mapping:[^`]*)```/g)].map(([, yaml]) => parse(yaml ?? ""));
  expect(examples).toHaveLength(2);
  for (const { driver, options } of examples) {
    const manifest = driver === "face-terminal" ? faceTerminalMappedHttp : throwCameraMappedHttp;
    // Secrets are read before the options are checked.
    const read = JSON.parse(JSON.stringify(options).replaceAll(/\$\{file:[^}]*\}/g, "0123456789abcdef"));
    expect(manifest.options.safeParse(read).error).toBeUndefined();
  }
});
