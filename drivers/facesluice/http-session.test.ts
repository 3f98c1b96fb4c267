import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { faceSluiceHttpCameraOptions, faceSluiceHttpGrants, faceSluiceHttpOptions } from "./http-options.ts";
import { openFaceSluiceHttp } from "./http-session.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url));
const ok = { status: 200, contentType: "application/json", body: '{"code":200,"desc":"OK"}' };

function device(deviceId: string, now: string, more: object = {}) {
  const options = faceSluiceHttpCameraOptions.parse({ deviceId, username: "u", password: "p", ...more });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.parse(now)) });
  const session = openFaceSluiceHttp(context);
  const push = (body: string | Uint8Array | object) => context.http.push({ path: "/Verify", body });
  return { context, session, push };
}

const camera = (now = "2024-05-28T09:18:44Z") => device("005a213b000b93cc", now);
const terminal = () => device("123555", "2024-06-24T01:56:20Z");
const verified = (info: object) => ({
  operator: "VerifyPush",
  info: { DeviceID: 123555, nRecordIndex: 4, VerifyStatus: 1, CreateTime: "2024-06-24T09:56:15", ...info },
});

test("the published verification is an entry by its own field names, and answered by code 200", async () => {
  const { context, push } = terminal();
  expect(await push(fixture("http-verify-push"))).toEqual(ok);
  expect(context.observed).toEqual([
    {
      kind: "access.granted",
      occurredAtMs: Date.parse("2024-06-24T01:56:15Z"),
      sourceRecordId: "4",
      dedupKey: "VerifyPush|4|2024-06-24 09:56:15",
      body: {
        delivery: "manual",
        person: context.pseudonym("123"),
        personType: "allow-list",
        similarity: 92.4,
        method: "face",
      },
    },
  ]);
});

test("the published stranger is one, and a breach of rules at work is none", async () => {
  const stranger = device("1299517", "2024-05-28T11:00:40Z");
  expect(await stranger.push(fixture("http-snap-push"))).toEqual(ok);
  expect(stranger.context.observed).toMatchObject([
    { kind: "access.stranger", sourceRecordId: "37", body: { delivery: "manual" } },
  ]);
  const { context, push } = camera();
  expect(await push(fixture("http-snap-push-violation"))).toEqual(ok);
  expect(context.filteredReasons).toEqual(["violation"]);
  expect(context.observed).toEqual([]);
});

test.each([
  [{ VerifyStatus: "2", PersonType: "1" }, "access.denied", { reason: "refused", personType: "block-list" }],
  [{ VerifyStatus: 3, CustomizeID: 0, PersonID: "" }, "access.denied", { reason: "not-registered" }],
  [{ Sendintime: 0 }, "access.granted", { delivery: "late" }],
  [{ PushType: "2", Sendintime: 0 }, "access.granted", { delivery: "manual" }],
  [{ VerfyType: 2 }, "access.granted", { method: "card" }],
  [{ Similarity1: "92.400000" }, "access.granted", { similarity: 92.4 }],
])("a verification with %j is %s", async (info, kind, body) => {
  const { context, push } = terminal();
  expect(await push(verified(info))).toEqual(ok);
  expect(context.observed).toMatchObject([{ kind, body }]);
  if ("CustomizeID" in info) expect(context.observed[0]?.body).not.toHaveProperty("person");
});

test("the id that the platform gave comes before the unique one, and that before the device's own", async () => {
  const { context, push } = terminal();
  await push(verified({ CustomizeID: 77, PersonUUID: "u-1", PersonID: 5 }));
  await push(verified({ CustomizeID: 0, PersonUUID: "u-1", PersonID: 5 }));
  await push(verified({ PersonUUID: "", PersonID: 5 }));
  const persons = context.observed.map(({ body }) => ("person" in body ? body.person : undefined));
  expect(persons).toEqual(["77", "u-1", "5"].map((each) => context.pseudonym(each)));
});

test("a verification of nothing is no entry, and is answered so that the device goes on", async () => {
  const { context, push } = terminal();
  expect(await push(verified({ VerifyStatus: 0 }))).toEqual(ok);
  expect(context.filteredReasons).toEqual(["no-verification"]);
});

test("the published throw and its film are one throw", async () => {
  const { context, push } = camera();
  expect(await push(fixture("http-parabolic-snap-push"))).toEqual(ok);
  const fields = {
    DeviceID: "005a213b000b93cc",
    ID: "1005",
    StartTime: "2024-05-28T17:18:38",
    EndTime: "2024-05-28T17:18:42",
  };
  expect(await context.http.push({ path: "/Subscribe/PushVideo", parts: film(fields) })).toEqual(ok);
  expect(context.observed).toMatchObject([
    {
      kind: "throw.detected",
      occurredAtMs: Date.parse("2024-05-28T09:18:38Z"),
      sourceRecordId: "1005",
      body: { delivery: "live", startedAt: "2024-05-28T09:18:38.000Z", endedAt: "2024-05-28T09:18:42.000Z" },
    },
  ]);
  expect(context.filteredReasons).toEqual(["video"]);

  // After a restart, or where the event was lost, the film tells of the same throw by the same key.
  const restarted = camera();
  const spaced = { ...fields, StartTime: "2024-05-28 17:18:38", EndTime: "2024-05-28 17:18:42" };
  expect(await restarted.context.http.push({ parts: film(spaced) })).toEqual(ok);
  expect(restarted.context.observed.map(({ dedupKey }) => dedupKey)).toEqual([context.observed[0]?.dedupKey]);
});

function film(fields: Record<string, string>) {
  return [
    ...Object.entries(fields).map(([name, body]) => ({ name, contentType: "text/plain", body })),
    { name: "file", filename: "1005.mp4", contentType: "video/mp4", bytes: 9_000_000, dropped: true },
  ];
}

test("a film without words, or of another camera, is told", async () => {
  const { context } = camera();
  expect(await context.http.push({ parts: film({}) })).toEqual(ok);
  expect((await context.http.push({ parts: film({ DeviceID: "1299517", ID: "1005" }) })).status).toBe(403);
  expect(context.rejections.map(({ reason }) => reason)).toEqual(["wrong-shape", "foreign-id"]);
});

test("the published thermal alarm over HTTP is the same reading as over MQTT", async () => {
  const { context, push } = camera("2024-02-14T03:01:05Z");
  expect(await push(fixture("http-tem-high-snap-push"))).toEqual(ok);
  expect(
    await push({ operator: "FireSmokeSnapPush", info: { Fire: 1, Smoke: 0, CreateTime: "2024-02-14T11:01:04" } }),
  ).toEqual(ok);
  expect(context.observed).toMatchObject([
    { kind: "thermal.reading", occurredAtMs: Date.parse("2024-02-14T03:01:02Z"), body: { temperatureC: 45.5 } },
    { kind: "fire.detected", body: { active: true, sensor: "camera" } },
  ]);
});

test("a heartbeat is a sign of life and measures the clock", async () => {
  const { context, push } = camera("2024-06-24T01:56:10Z");
  expect(await push(fixture("http-heart-beat"))).toEqual(ok);
  expect(context.seenDetails).toEqual([{ clockSkewMs: 5000 }]);
  expect(context.filteredReasons).toEqual(["heartbeat"]);
});

test("nothing is answered before it is durable, and 503 when the log refuses, so that it is sent again", async () => {
  const { context, push } = terminal();
  context.held = true;
  const pushed = push(verified({}));
  expect(await Promise.race([pushed, "waiting"])).toBe("waiting");
  context.held = false;
  context.commit();
  expect(await pushed).toEqual(ok);
  context.logError = new GatewayError("DISK_FULL", "no space");
  expect((await push(verified({ nRecordIndex: 5 }))).status).toBe(503);
  context.logError = undefined;
  expect(await push(verified({ nRecordIndex: 5 }))).toEqual(ok);
  expect(context.observed.map(({ sourceRecordId }) => sourceRecordId)).toEqual(["4", "5"]);
});

test("a record that is sent again has the same key", async () => {
  const { context, push } = terminal();
  await push(verified({}));
  await push(verified({ nRecordIndex: "4", Sendintime: 0 }));
  const [first, second] = context.observed.map(({ dedupKey }) => dedupKey);
  expect(second).toBe(first);
});

test.each<[string | object, string]>([
  ["{", "bad-json"],
  [[], "wrong-shape"],
  [{ operator: "VerifyPush", info: 3 }, "bad-access-record"],
  [{ operator: "VerifyPush", info: { VerifyStatus: 9 } }, "bad-access-record"],
  [{ operator: "SnapPush" }, "bad-stranger-record"],
  [{ operator: "UnheardOf", info: {} }, "unknown-operator"],
  ['"'.repeat(50_000), "too-large"],
])(
  "what can never be used (%j) is set aside and answered, so that it does not hold up the rest",
  async (body, reason) => {
    const { context, push } = terminal();
    expect(await push(body)).toEqual(ok);
    expect(context.rejections).toMatchObject([{ reason, source: "http /Verify" }]);
    expect(context.observed).toEqual([]);
  },
);

test("a push that names another device is refused, and the device keeps it", async () => {
  const { context, push } = terminal();
  expect((await push(verified({ DeviceID: "777" }))).status).toBe(403);
  expect(context.rejections).toMatchObject([
    { reason: "foreign-id", detail: "the payload names 777, expected 123555" },
  ]);
  expect(context.seenDetails).toEqual([]);
});

test("a request that is no push is refused", async () => {
  const { context } = terminal();
  expect((await context.http.push({ method: "GET", path: "/张三" })).status).toBe(405);
  expect(context.rejections).toMatchObject([{ reason: "wrong-method", source: "http" }]);
});

test("after the session has ended nothing is taken in", async () => {
  const { context, session, push } = terminal();
  context.abort();
  await session.done;
  expect((await push(verified({}))).status).toBe(503);
  expect(context.outcomes).toEqual([]);
  expect(session.command).toBeUndefined();
});

const canary = "CANARY-张三丰";

test("no name, number, picture or body temperature of a person gets past the door", async () => {
  const { context, push } = terminal();
  const personal = { Name: canary, IdCard: canary, Telnum: canary, Notes: canary, Address: canary, Temperature: 36.2 };
  const pictures = { SanpPic: canary.repeat(500), ScenePic: canary, Pic: canary };
  await push({ ...verified({ ...personal, CustomizeID: canary }), ...pictures });
  await push({ ...verified({ ...personal, VerifyStatus: canary }), ...pictures });
  await push({ operator: "SnapPush", info: { ...personal, AlarmAction: canary }, ...pictures });
  await push({ operator: canary, info: personal, ...pictures });
  await context.http.push({ path: `/${canary}`, parts: film({ DeviceID: canary, ID: canary, StartTime: canary }) });
  await push(`{"operator":"VerifyPush","info":{"Name":"${canary}`);
  expect(context.outcomes).toHaveLength(6);
  expect(context.everything()).not.toMatch(/CANARY|张三|36\.2/);
});

test("the listener lets in who has the device's own account or token, and bodies with two pictures", () => {
  const parse = (more: object) => faceSluiceHttpOptions.safeParse({ deviceId: "1", ...more });
  const options = faceSluiceHttpOptions.parse({
    deviceId: "1",
    token: "0123456789abcdef",
    paths: ["/Subscribe/PushVideo"],
  });
  expect(faceSluiceHttpGrants(options)).toEqual({
    token: "0123456789abcdef",
    paths: ["/Subscribe/PushVideo"],
    maxBodyBytes: 6 * 1024 * 1024,
  });
  const server = {
    address: "http://10.0.0.9:8080",
    username: "admin",
    password: "p",
    callback: "http://10.0.0.1:8090",
  };
  expect(parse({ username: "u", password: "p", server }).success).toBe(true);
  for (const more of [
    {},
    { username: "u" },
    { password: "p" },
    { username: "u", password: "p", token: "0123456789abcdef" },
    { username: "u", token: "0123456789abcdef" },
    { token: "short" },
    { username: "u", password: "p", paths: ["no-slash"] },
    { username: "u", password: "p", server: { ...server, address: "10.0.0.9:8080" } },
    { username: "u", password: "p", server: { ...server, address: "http://10.0.0.9/action" } },
    { username: "u", password: "p", server: { ...server, callback: "ftp://10.0.0.1" } },
    { username: "u", password: "p", server: { ...server, callback: "http://a:b@10.0.0.1" } },
  ]) {
    expect([more, parse(more).success]).toEqual([more, false]);
  }
});
