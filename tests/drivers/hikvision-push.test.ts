import { afterEach, expect, test } from "vitest";
import { faceTerminalHikvisionIsapi } from "../../drivers/face-terminal/hikvision-manifest.ts";
import { throwCameraHapi } from "../../drivers/throw-camera/hapi-manifest.ts";
import { throwCameraHikvisionIsapi } from "../../drivers/throw-camera/hikvision-manifest.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { fallingObject, HapiCamera } from "../../simulators/hapi/camera.ts";
import { IsecurePlatform } from "../../simulators/hikvision/camera.ts";
import { IsapiTerminal } from "../../simulators/hikvision/terminal.ts";
import { startPushingDevice } from "../support/pushing-device.ts";
import { waitFor } from "../support/wait-for.ts";

/** Devices of our own against the real ingest listener. */
const account = { username: "gate-east", password: "s3cret" };
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
async function started(...given: Parameters<typeof startPushingDevice>) {
  const device = await startPushingDevice(...given);
  ends.push(() => device.stop());
  return device;
}

test.each(["json", "xml", "multipart"] as const)("a terminal that pushes %s is heard and answered", async (format) => {
  const { context, url } = await started(faceTerminalHikvisionIsapi, { push: account });
  const terminal = new IsapiTerminal({ push: { url, account }, format, pictureBytes: 500_000 });
  await terminal.pass(75);
  await terminal.repeat();
  await terminal.event(5, 27);
  await terminal.heartbeat();
  expect(terminal.waiting).toBe(0);
  expect(context.observed.map(({ kind }) => kind)).toEqual(["access.granted", "access.granted", "door.state"]);
  expect(context.observed[0]?.dedupKey).toBe(context.observed[1]?.dedupKey);
  expect(context.filteredReasons).toEqual(["heartbeat"]);
  expect(context.everything()).not.toMatch(/王小明|20260001|3312990017/);
});

test("what the log refused stays in the terminal, and comes as a record of the past", async () => {
  const { context, url } = await started(faceTerminalHikvisionIsapi, { push: account });
  const terminal = new IsapiTerminal({ push: { url, account } });
  context.logError = new GatewayError("DISK_FULL", "no space");
  await terminal.pass(75);
  expect(terminal.waiting).toBe(1);
  context.logError = undefined;
  await terminal.restore();
  expect(terminal.waiting).toBe(0);
  expect(context.observed).toMatchObject([{ kind: "access.granted", body: { delivery: "late" } }]);
});

test("a terminal with a wrong password is not let in", async () => {
  const { context, url } = await started(faceTerminalHikvisionIsapi, { push: account });
  const terminal = new IsapiTerminal({ push: { url, account: { ...account, password: "guess" } } });
  await terminal.pass(75);
  expect([terminal.waiting, context.outcomes]).toEqual([1, []]);
});

test("a platform that cannot sign in pushes with the token in its address, for many cameras, and again after a break", async () => {
  const token = "0123456789abcdefABCDEF";
  const { context, url } = await started(throwCameraHikvisionIsapi, { push: { token }, cameraIndexCode: "cam-42" });
  const platform = new IsecurePlatform({ url: `${url}/token/${token}/eventRcv` }, true);
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  const seen = { startMs: endMs - 2000, endMs };
  expect(
    await platform.thrown([
      { camera: "cam-42", seen },
      { camera: "cam-7", seen },
    ]),
  ).toBe(200);
  expect(await platform.again(true)).toBe(200);
  expect(await platform.other("cam-42", 131_588)).toBe(200);
  expect(context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""))).toEqual(["live", "late"]);
  expect(context.observed[0]?.dedupKey).toBe(context.observed[1]?.dedupKey);
  expect(context.filteredReasons).toEqual(["other-camera", "other-camera", "event-131588"]);
  expect(await new IsecurePlatform({ url: `${url}/token/${token}x/eventRcv` }).other("cam-42", 1)).toBe(401);
});

test.each([
  ["with Basic", { username: "cam-b3", password: "pw" }, { account: { username: "cam-b3", password: "pw" } }],
  ["with the secret in its path", { prefix: "b3/0123456789abcdef" }, { prefix: "b3/0123456789abcdef" }],
])("a HAPI camera %s is heard though it closes without reading the answer", async (_how, options, own) => {
  const deviceId = "ANJ2404180001";
  const { context, port } = await started(throwCameraHapi, { deviceId, ...options });
  const camera = new HapiCamera({ host: "127.0.0.1", port, deviceId, pictureBytes: 200_000, ...own });
  await camera.notify(fallingObject, true);
  await camera.notify(fallingObject, false);
  await camera.notify(["IOInputDetect", "InputAlarm"], true);
  await camera.send("AlarmType=ObjectDetect");
  await waitFor("all of it", () => context.outcomes.length === 4);
  expect(context.observed.map(({ kind }) => kind)).toEqual(["throw.detected", "contact.state"]);
  expect([context.filteredReasons, context.rejections]).toMatchObject([["ended"], [{ reason: "no-document" }]]);
  expect(camera.failed).toBe(0);
});

test("a HAPI camera that guesses the path is not heard, and one that finds nobody gives up at once", async () => {
  const deviceId = "ANJ2404180001";
  const { context, port, ingest } = await started(throwCameraHapi, { deviceId, prefix: "b3/0123456789abcdef" });
  const stranger = new HapiCamera({ host: "127.0.0.1", port, deviceId, prefix: "b3/0123456789abcdeX" });
  await stranger.notify(fallingObject, true);
  await waitFor("the stranger", () => ingest.strangers().length > 0);
  expect(context.outcomes).toEqual([]);
  const alone = new HapiCamera({ host: "127.0.0.1", port: 1, deviceId });
  await alone.notify(fallingObject, true);
  expect(alone.failed).toBe(1);
});
