import { afterEach, describe, expect, test } from "vitest";
import { open } from "../../drivers/throw-camera/hikvision-isapi.ts";
import { hikvisionCameraOptions } from "../../drivers/throw-camera/hikvision-options.ts";
import { IsapiCamera } from "../../simulators/hikvision/camera.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function opened(more: object = {}, profile: unknown = {}) {
  const options = hikvisionCameraOptions.parse({ push: { token: "a-token-of-16-chars" }, ...more });
  const context = new FakeDriverContext({ options, profile });
  open(context);
  ends.push(async () => context.abort());
  return context;
}

/** Shape and types are those of the published class EventObjectsThrownDetection; no capture is public, the values are ours. */
const item = (more: object = {}) => ({
  startTime: "2026-11-24T07:59:57.000+08:00",
  endTime: "2026-11-24T07:59:59.000+08:00",
  Image: { resourcesContent: "http://10.0.0.1/pic?secret", resourcesContentType: "url" },
  RuleInfo: {
    ruleID: 1,
    ruleName: "north",
    confidence: 87,
    sensitive: 50,
    uploadPicEnabled: true,
    overlayPicEnabled: true,
  },
  ...more,
});
const data = (more: object = {}) => ({
  ObjectsThrownDetection: [item()],
  activePostCount: 1,
  channelID: 3,
  channelName: "3栋北",
  dataType: "behavior",
  dateTime: "2026-11-24T08:00:00.000+08:00",
  eventDescription: "objectsThrownDetection",
  eventState: "active",
  eventType: "objectsThrownDetection",
  isDataRetransmission: false,
  targetAttrs: { cameraIndexCode: "cam-42", deviceIndexCode: "dev-1", imageServerCode: "i", picServerIndexCode: "p" },
  ...more,
});
const platform = (...events: object[]) => ({
  method: "OnEventNotify",
  params: {
    ability: "event_vss",
    clients: [],
    sendTime: "2026-11-24T08:00:01.000+08:00",
    uids: [],
    events: events.map((event, at) => ({
      eventId: `e-${at}`,
      eventType: 930_335,
      happenTime: "2026-11-24T08:00:00.000+08:00",
      srcIndex: "cam-42",
      srcType: "camera",
      status: 0,
      timeout: 0,
      data: data(),
      ...event,
    })),
  },
});

describe("a platform's push", () => {
  test.each([930_335, "930335"])(
    "with the code as %j is a throw, with its times, confidence and key",
    async (eventType) => {
      const context = opened();
      expect((await context.http.push({ body: platform({ eventType }) })).status).toBe(200);
      expect(context.observed).toEqual([
        {
          kind: "throw.detected",
          occurredAtMs: Date.parse("2026-11-23T23:59:57Z"),
          sourceRecordId: "e-0",
          dedupKey: "thrown|e-0|0",
          body: {
            delivery: "live",
            startedAt: "2026-11-23T23:59:57.000Z",
            endedAt: "2026-11-23T23:59:59.000Z",
            confidence: 0.87,
          },
        },
      ]);
      expect(context.everything()).not.toContain("secret");
    },
  );

  test("sent again after a break is late, under the same key", async () => {
    const context = opened();
    await context.http.push({ body: platform({}) });
    await context.http.push({ body: platform({ data: data({ isDataRetransmission: true }) }) });
    const [first, second] = context.observed;
    expect([first?.body, second?.body]).toMatchObject([{ delivery: "live" }, { delivery: "late" }]);
    expect(first?.dedupKey).toBe(second?.dedupKey);
  });

  test("with several events has one outcome for each, and the throws are stored together", async () => {
    const context = opened();
    const body = platform({}, { eventType: 131_588 }, { eventType: 131_605 }, { eventType: 1 }, { data: 7 }, {});
    expect((await context.http.push({ body })).status).toBe(200);
    expect(context.outcomes).toEqual(["observed", "filtered", "filtered", "filtered", "rejected"]);
    expect(context.observed.map(({ sourceRecordId }) => sourceRecordId)).toEqual(["e-0", "e-5"]);
    expect(context.filteredReasons).toEqual(["event-131588", "event-131605", "event-other"]);
    expect(context.rejections).toMatchObject([{ reason: "bad-throw-record" }]);
  });

  test("with several throws in one event tells each of them", async () => {
    const context = opened();
    const two = [item(), item({ startTime: "2026-11-24T07:59:58+08:00", RuleInfo: { ruleID: 2, confidence: 300 } })];
    await context.http.push({ body: platform({ data: data({ ObjectsThrownDetection: two }) }) });
    expect(context.observed.map(({ dedupKey }) => dedupKey)).toEqual(["thrown|e-0|0", "thrown|e-0|1"]);
    // 300 is no percentage.
    expect(context.observed[1]?.body).not.toHaveProperty("confidence");
  });

  test("for many cameras: those of another are left out, and what names none is taken", async () => {
    const context = opened({ cameraIndexCode: "cam-42" });
    const other = { srcIndex: "cam-7", data: data({ targetAttrs: { cameraIndexCode: "cam-7" } }) };
    const bySource = { srcIndex: "cam-7", data: data({ targetAttrs: {} }) };
    await context.http.push({
      body: platform({}, other, bySource, { srcIndex: undefined, data: data({ targetAttrs: null }) }),
    });
    expect(context.observed.map(({ sourceRecordId }) => sourceRecordId)).toEqual(["e-0", "e-3"]);
    expect(context.filteredReasons).toEqual(["other-camera", "other-camera"]);
  });

  test("that holds nothing, or far too much, costs itself only", async () => {
    const context = opened();
    await context.http.push({ body: { method: "OnEventNotify", params: { events: [] } } });
    await context.http.push({ body: { params: { events: Array.from({ length: 300 }, () => ({})) } } });
    await context.http.push({ body: { params: { events: [null, 5, "x"] } } });
    const many = Array.from({ length: 100 }, () => item());
    await context.http.push({ body: platform({ data: data({ ObjectsThrownDetection: many }) }) });
    expect(context.outcomes).toEqual(["filtered", ...Array(5).fill("rejected")]);
  });
});

describe("the data object without the platform's envelope", () => {
  test("is the same throw, keyed by its times", async () => {
    const context = opened();
    const { eventType: _, ...bare } = data();
    await context.http.push({ body: bare });
    await context.http.push({ body: { ...bare, activePostCount: 2, dateTime: "2026-11-24T08:00:01+08:00" } });
    expect(context.observed).toMatchObject([{ kind: "throw.detected", body: { confidence: 0.87 } }, {}]);
    // A repeated post of one alarm has the same track.
    expect(context.observed[0]?.dedupKey).toBe(context.observed[1]?.dedupKey);
  });

  test("dates itself by dataTime where the class misspells it, and by nothing where there is nothing", async () => {
    const context = opened();
    const { dateTime, ...without } = data({ ObjectsThrownDetection: [{}] });
    await context.http.push({ body: { ...without, dataTime: dateTime } });
    await context.http.push({ body: without });
    expect(context.observed[0]?.occurredAtMs).toBe(Date.parse("2026-11-24T00:00:00Z"));
    expect(context.observed[1]).not.toHaveProperty("occurredAtMs");
    expect(context.observed[1]).not.toHaveProperty("dedupKey");
  });
});

describe("an ISAPI alert", () => {
  test.each(["objectsThrownDetection", "ObjectsThrownDetection", "OBJECTSTHROWNDETECTION"])(
    "%s is a throw whatever its capitals, as XML and as JSON, with details or without",
    async (eventType) => {
      const context = opened();
      const xml = `<EventNotificationAlert><channelID>1</channelID><dateTime>2026-11-24T00:00:00Z</dateTime><eventType>${eventType}</eventType><eventState>active</eventState>`;
      await context.http.push({ body: `${xml}</EventNotificationAlert>` });
      const details =
        "<startTime>2026-11-24T07:59:57+08:00</startTime><RuleInfo><ruleID>4</ruleID><confidence>50</confidence></RuleInfo>";
      await context.http.push({
        body: `${xml}<objectsThrownDetection>${details}</objectsThrownDetection></EventNotificationAlert>`,
      });
      await context.http.push({ body: { eventType, eventState: "active", uuid: "0-1" } });
      expect(context.observed.map(({ kind }) => kind)).toEqual(Array(3).fill("throw.detected"));
      expect(context.observed[1]?.body).toMatchObject({ confidence: 0.5, startedAt: "2026-11-23T23:59:57.000Z" });
      expect(context.observed[2]?.dedupKey).toBe("thrown|0-1|0");
    },
  );

  test("that ends, of another channel, or of traffic is left out by its reason", async () => {
    const context = opened({ channel: 3 });
    await context.http.push({ body: data({ eventState: "inactive" }) });
    await context.http.push({ body: data({ channelID: 4, targetAttrs: undefined }) });
    await context.http.push({ body: data({ channelID: 1, dynChannelID: 3 }) });
    await context.http.push({ body: { eventType: "objectDroppedDown", eventState: "active" } });
    await context.http.push({ body: { eventType: "VMD", eventState: "active" } });
    expect(context.filteredReasons).toEqual(["inactive", "other-camera", "event-objectdroppeddown", "event-vmd"]);
    expect(context.observed).toHaveLength(1);
  });
});

test("the camera's rule places the throw by the view profile", async () => {
  const profile = { regions: [{ rule: "north", building: "b3", unit: "u1" }] };
  const context = opened({ profile: "north-facade" }, profile);
  await context.http.push({ body: platform({}) });
  expect(context.observed[0]?.body).toMatchObject({ origin: { building: "b3", unit: "u1", method: "region" } });
});

test("throws come by the alert stream too, and the heartbeat keeps it alive", async () => {
  const account = { username: "gateway", password: "pw" };
  const camera = new IsapiCamera({ account });
  ends.push(() => camera.stop());
  const address = (await camera.server?.listen()) ?? "";
  const options = hikvisionCameraOptions.parse({ device: { address, ...account }, alertStream: true });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.now()) });
  open(context);
  ends.push(async () => context.abort());
  await waitFor("the stream", () => context.seenDetails.length > 0);
  await camera.heartbeat();
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  await camera.report({ startMs: endMs - 2000, endMs });
  await camera.other("fielddetection");
  await waitFor("all", () => context.outcomes.length === 3);
  expect(context.observed).toMatchObject([
    { kind: "throw.detected", occurredAtMs: endMs - 2000, body: { delivery: "live", confidence: 0.9 } },
  ]);
  expect(context.filteredReasons).toEqual(["heartbeat", "event-fielddetection"]);
});
