import { afterEach, expect, test } from "vitest";
import {
  faceSluiceHttpCameraOptions,
  faceSluiceHttpGrants,
  faceSluiceHttpOptions,
} from "../../drivers/facesluice/http-options.ts";
import { openFaceSluiceHttp } from "../../drivers/facesluice/http-session.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FaceTerminal } from "../../simulators/face-terminal/terminal.ts";
import type { HttpStationOptions } from "../../simulators/facesluice/http-station.ts";
import type { StationEvent } from "../../simulators/facesluice/station.ts";
import { ThrowCamera } from "../../simulators/throw-camera/camera.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { deviceId } from "../support/ingress/test-broker.ts";
import { startTestIngest } from "../support/ingress/test-ingest.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const account = { username: "admin", password: "its-own" };
const id = "1299517";

/** A simulated device that runs, and the session behind the real listener, which subscribes it. */
async function site<D extends FaceTerminal | ThrowCamera>(
  make: (options: HttpStationOptions & { readonly transport: "http"; readonly pictureBytes: number }) => D,
  { station = {}, options = {} }: { station?: Partial<HttpStationOptions>; options?: object } = {},
) {
  const events: StationEvent[] = [];
  const device = make({
    transport: "http",
    deviceId: id,
    account,
    resendAfterMs: 50,
    rebootMs: 50,
    pictureBytes: 200_000,
    onEvent: (event) => events.push(event),
    ...station,
  });
  device.station.start();
  ends.push(() => device.station.stop());
  const address = await waitFor("the device's server", () => device.station.address);
  const { ingest, port } = await startTestIngest({});
  ends.push(() => ingest.close());
  const schema = device instanceof ThrowCamera ? faceSluiceHttpCameraOptions : faceSluiceHttpOptions;
  const parsed = schema.parse({
    deviceId: id,
    username: "device-1",
    password: "pw",
    paths: ["/Subscribe/PushVideo"],
    server: { address, ...account, callback: `http://127.0.0.1:${port}` },
    ...options,
  });
  ingest.admit(new Map([[deviceId("device-1"), faceSluiceHttpGrants(parsed)]]));
  const context = new FakeDriverContext({ options: parsed, clock: new ManualClock(Date.now()) });
  const session = openFaceSluiceHttp(context);
  ends.push(() => context.abort());
  ingest.deviceHttp(deviceId("device-1")).serve((push) => context.http.push({ ...push, headers: {} }));
  await waitFor("the subscription", () => device.station.connected && context.seenDetails.length > 0);
  const give = (name: string, args: Record<string, string> = {}) => session.command?.({ name, args });
  const acknowledged = () => events.flatMap((event) => (event.type === "acknowledged" ? [event.record.id] : []));
  return { device, context, events, give, acknowledged };
}

const terminal = (station: Partial<HttpStationOptions> = {}) =>
  site((options) => new FaceTerminal({ ...options }), { station });

test("a terminal is subscribed, beats, and pushes each record until it is durable", async () => {
  const { device, context, acknowledged } = await terminal();
  await waitFor("a heartbeat", () => context.filteredReasons.includes("heartbeat"));
  context.logError = new GatewayError("DISK_FULL", "no space");
  const ids = [device.recognise("refused"), device.recognise("allowed"), device.recognise("not-registered")];
  await waitFor("two tries", () => context.outcomes.filter((outcome) => outcome === "observed").length >= 2);
  expect(acknowledged()).toEqual([]);
  context.logError = undefined;
  await waitFor("all acknowledgements", () => acknowledged().length === 3);
  expect(context.observed.map(({ kind, sourceRecordId }) => [sourceRecordId, kind])).toEqual([
    [String(ids[0]), "access.denied"],
    [String(ids[1]), "access.granted"],
    [String(ids[2]), "access.denied"],
  ]);
  expect(context.observed.every(({ body }) => "delivery" in body && body.delivery === "live")).toBe(true);
  const told = context.everything();
  for (const { name, idCard } of device.people) expect(told).not.toMatch(new RegExp(`${name}|${idCard}`));
});

test("a terminal that was restarted has forgotten its subscription, gets it again, and what it kept is late", async () => {
  const { device, context, events, give, acknowledged } = await terminal();
  expect(await give("reboot")).toEqual({ ok: true, confirmed: true });
  await waitFor("the restart", () => events.some(({ type }) => type === "disconnected"));
  const kept = device.recognise("refused");
  await waitFor("its server", () => device.station.address);
  expect(device.station.connected).toBe(false);
  context.clock.advance(3 * 30_000 + 5000);
  await waitFor("the record", () => acknowledged().length === 1);
  expect(context.observed).toMatchObject([
    { kind: "access.denied", sourceRecordId: String(kept), body: { delivery: "late" } },
  ]);
  expect(context.goneReasons).toEqual([]);
});

test("a terminal that has lost its power is missed when it is silent and does not answer either", async () => {
  const { device, context } = await terminal();
  device.station.cut();
  context.clock.advance(3 * 30_000 + 5000);
  await waitFor("the loss", () => context.goneReasons.length > 0);
  expect(context.goneReasons).toEqual(["no-answer"]);
  device.station.start();
  await waitFor("its server", () => device.station.address);
  context.clock.advance(5000);
  await waitFor("the subscription", () => device.station.connected);
});

test("a throw and its film are one observation", async () => {
  const { device, context, acknowledged } = await site((options) => new ThrowCamera({ ...options }));
  const at = Math.floor(Date.now() / 1000) * 1000;
  const snap = device.report(at - 3000, at - 1000);
  await waitFor("the film", () => context.filteredReasons.includes("video"));
  expect(acknowledged()).toEqual([snap]);
  expect(context.observed).toMatchObject([
    { kind: "throw.detected", occurredAtMs: at - 3000, sourceRecordId: String(snap), body: { delivery: "live" } },
  ]);
  expect(context.rejections).toEqual([]);
});

test("noise, duplicates, buffered records and a wrong clock each end as what they are", async () => {
  const { device, context, acknowledged } = await terminal({ heartbeatEveryMs: 50 });
  device.station.trouble({ noise: true });
  device.recognise("allowed");
  device.recognise("allowed");
  await waitFor("two records", () => acknowledged().length === 2);
  expect(context.rejections).toHaveLength(2);
  device.station.trouble({ duplicates: true });
  device.recognise("allowed");
  await waitFor("the record twice", () => context.observed.length === 4);
  expect(context.observed[3]?.dedupKey).toBe(context.observed[2]?.dedupKey);
  device.station.trouble({ late: true });
  device.stranger();
  await waitFor("the buffered one", () => context.observed.length === 5);
  expect(context.observed[4]).toMatchObject({ kind: "access.stranger", body: { delivery: "late" } });
  device.station.trouble({ clockSkewMs: -40 * 86_400_000 });
  device.recognise("refused");
  await waitFor("the fault of its clock", () => context.observed.some(({ kind }) => kind === "device.fault"));
  await waitFor("the record", () => acknowledged().length === 5);
  expect(context.observed.at(-1)?.occurredAtMs).toBeUndefined();
});

test("a terminal does as it is told, and says when it is busy", async () => {
  let opened = 0;
  const unlock = { operator: "OpenDoor", info: { DeviceID: "{deviceId}", Chn: 0 } };
  const setTime = {
    info: { Year: "{year}", Month: "{month}", Day: "{day}", Hour: "{hour}", Minute: "{minute}", Second: "{second}" },
  };
  const { device, context, give } = await site(
    (options) => new FaceTerminal({ ...options, unlockOperator: "OpenDoor", onUnlock: () => opened++ }),
    { options: { unlock, setTime }, station: { clockSkewMs: 600_000 } },
  );
  expect(await give("get-time")).toMatchObject({ ok: true, detail: expect.stringMatching(/(599|600|601) s ahead/) });
  expect(await give("set-time")).toMatchObject({ ok: true, confirmed: true });
  await waitFor("the clock", () => Math.abs(device.station.clockSkewMs) < 2000);
  expect(await give("unlock")).toMatchObject({ ok: true });
  expect(opened).toBe(1);
  expect(await give("device-info")).toMatchObject({ ok: true, detail: "terminal, firmware V2.1.7" });
  device.recognise("allowed");
  await waitFor("the record", () => context.observed.length === 1);
  const span = { from: "2020-01-01 00:00:00", to: "2020-01-02 00:00:00" };
  expect(await give("replay-records", span)).toMatchObject({ ok: true });
  const today = new Date(Date.now() - 3_600_000).toISOString().slice(0, 19);
  expect(
    await give("replay-records", { from: `${today}Z`, to: `${new Date().toISOString().slice(0, 19)}Z` }),
  ).toMatchObject({
    ok: true,
  });
  await waitFor("the record again", () => context.observed.length === 2);
  expect(context.observed[1]).toMatchObject({ body: { delivery: "manual" }, dedupKey: context.observed[0]?.dedupKey });
  device.station.trouble({ busy: true });
  expect(await give("unlock")).toMatchObject({
    ok: false,
    why: "refused",
    detail: expect.stringMatching(/^468: it is busy/),
  });
  expect(opened).toBe(1);
});

test("firmware that knows no topic without pictures is subscribed all the same", async () => {
  const { device, context } = await site((options) => new FaceTerminal({ ...options }), {
    station: { unknownTopics: ["VerifyNoPic"] },
  });
  device.recognise("allowed");
  await waitFor("the record", () => context.observed.length === 1);
});
