import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { faceSluiceHttpCameraOptions, faceSluiceHttpGrants } from "../../drivers/facesluice/http-options.ts";
import { openFaceSluiceHttp } from "../../drivers/facesluice/http-session.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Ingest } from "../../gateway/ingress/ingest.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { deviceId } from "../support/ingress/test-broker.ts";
import { startTestIngest } from "../support/ingress/test-ingest.ts";
import { ManualClock } from "../support/manual-clock.ts";

const run = promisify(execFile);
const fixtures = new URL("../../drivers/facesluice/fixtures/", import.meta.url);
const token = "0123456789abcdef";

let folder: string;
let ingest: Ingest;
let base: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "facesluice-"));
  const test = await startTestIngest({});
  ingest = test.ingest;
  base = `http://127.0.0.1:${test.port}`;
});

afterEach(async () => {
  await ingest.close();
  await rm(folder, { recursive: true });
});

/** A session behind the real listener, at the time of the published samples. */
function session(id: string, now: string, more: object = { username: "cam", password: "p w:ü" }) {
  const options = faceSluiceHttpCameraOptions.parse({ deviceId: id, paths: ["/Subscribe/PushVideo"], ...more });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.parse(now)) });
  openFaceSluiceHttp(context);
  ingest.admit(new Map([[deviceId("cam"), faceSluiceHttpGrants(options)]]));
  ingest.deviceHttp(deviceId("cam")).serve((push) => context.http.push({ ...push, headers: {} }));
  return context;
}

/** curl as the device; gives the status and the body. */
async function curl(path: string, ...args: string[]): Promise<[number, string]> {
  const { stdout } = await run("curl", ["-s", "--max-time", "10", "-w", "\n%{http_code}", ...args, `${base}${path}`]);
  const at = stdout.lastIndexOf("\n");
  return [Number(stdout.slice(at + 1)), stdout.slice(0, at)];
}

const json = ["-H", "Content-Type: application/json"];
const account = ["-u", "cam:p w:ü"];
const sample = (name: string) => ["--data-binary", `@${new URL(`${name}.json`, fixtures).pathname}`];
const ok = '{"code":200,"desc":"OK"}';

test("curl pushes the published samples of a camera with its account, and a film after the throw", async () => {
  const context = session("005a213b000b93cc", "2024-05-28T09:18:45Z");
  expect(await curl("/ingest/cam/Snap", ...account, ...json, ...sample("http-parabolic-snap-push"))).toEqual([200, ok]);
  const film = join(folder, "throw.mp4");
  await writeFile(film, Buffer.alloc(3_000_000, 7));
  const fields = [
    "DeviceID=005a213b000b93cc",
    "ID=1005",
    "StartTime=2024-05-28T17:18:38",
    "EndTime=2024-05-28T17:18:42",
  ];
  const form = [...fields, `file=@${film};type=video/mp4`].flatMap((field) => ["-F", field]);
  expect(await curl("/Subscribe/PushVideo", ...account, ...form)).toEqual([200, ok]);
  expect(await curl("/ingest/cam/Snap", ...account, ...json, ...sample("http-snap-push-violation"))).toEqual([200, ok]);
  expect(await curl("/ingest/cam/heartbeat", ...account, ...json, ...sample("http-heart-beat"))).toEqual([200, ok]);
  expect(context.observed).toMatchObject([
    { kind: "throw.detected", sourceRecordId: "1005", body: { startedAt: "2024-05-28T09:18:38.000Z" } },
    // The sample of the heartbeat is a month younger than that of the throw.
    { kind: "device.fault", body: { code: "clock-wrong" } },
  ]);
  expect(context.filteredReasons).toEqual(["video", "violation"]);
  expect(context.rejections).toEqual([]);
});

test("a record with three megabytes of pictures is taken in, waits for the disk, and is sent again where it refuses", async () => {
  const context = session("123555", "2024-06-24T01:56:20Z");
  const published = JSON.parse(await readFile(new URL("http-verify-push.json", fixtures), "utf8"));
  const picture = `data:image/jpeg;base64,${Buffer.alloc(2_000_000, 1).toString("base64")}`;
  const body = join(folder, "verify.json");
  await writeFile(body, JSON.stringify({ ...published, SanpPic: picture.slice(0, 1_300_000), ScenePic: picture }));
  // curl asks by Expect: 100-continue before it sends so much.
  const push = () => curl("/ingest/cam/Verify", ...account, ...json, "--data-binary", `@${body}`);
  context.logError = new GatewayError("DISK_FULL", "no space");
  expect((await push())[0]).toBe(503);
  expect(context.observed).toEqual([]);
  context.logError = undefined;
  expect(await push()).toEqual([200, ok]);
  expect(await push()).toEqual([200, ok]);
  const [first, again] = context.observed;
  expect(first).toMatchObject({ kind: "access.granted", sourceRecordId: "4", body: { method: "face" } });
  expect(again?.dedupKey).toBe(first?.dedupKey);
});

test("a device without its account or with a wrong one gets nothing in, and one with a token in the address does", async () => {
  const context = session("1299517", "2024-05-28T11:00:40Z");
  const snap = [...json, ...sample("http-snap-push")];
  expect((await curl("/ingest/cam/Snap", ...snap))[0]).toBe(401);
  expect((await curl("/ingest/cam/Snap", "-u", "cam:wrong", ...snap))[0]).toBe(401);
  expect(context.outcomes).toEqual([]);
  expect(await curl("/ingest/cam/Snap", "--digest", ...account, ...snap)).toEqual([200, ok]);
  const byToken = session("1299517", "2024-05-28T11:00:40Z", { token });
  expect(await curl(`/ingest/cam/token/${token}/Snap`, ...snap)).toEqual([200, ok]);
  expect([context, byToken].map(({ observed }) => observed.map(({ kind }) => kind))).toEqual([
    ["access.stranger"],
    ["access.stranger"],
  ]);
});
