import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, expect, test } from "vitest";
import { faceTerminalHikvisionIsapi } from "../../drivers/face-terminal/hikvision-manifest.ts";
import { throwCameraHapi } from "../../drivers/throw-camera/hapi-manifest.ts";
import { AlertServer, streamPath } from "../../simulators/hikvision/alert-server.ts";
import { jpeg } from "../../simulators/hikvision/wire.ts";
import { ended } from "../support/mosquitto.ts";
import { startPushingDevice } from "../support/pushing-device.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const fixture = (name: string) => resolve(import.meta.dirname, "../../drivers/hikvision/fixtures", name);
const folder = mkdtempSync(join(tmpdir(), "zhian-curl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** curl has written neither the listener, nor the device of our own, nor the payloads. */
const curl = async (...args: string[]) => (await run("curl", ["-s", "--max-time", "10", ...args])).stdout;
const account = { username: "gate-east", password: "s3cret" };
const statusOnly = ["-o", "/dev/null", "-w", "%{http_code}"];

async function started() {
  const device = await startPushingDevice(faceTerminalHikvisionIsapi, { push: account });
  ends.push(() => device.stop());
  return device;
}

test("curl pushes published events with Digest and with Basic, as JSON, as XML, and as a form with a picture", async () => {
  const { context, url } = await started();
  const digest = ["--digest", "-u", "gate-east:s3cret"];
  writeFileSync(join(folder, "face.jpg"), jpeg(400_000, 9));
  const json = ["-H", "Content-Type: application/json", "--data-binary", `@${fixture("access-face-pass.json")}`];
  expect(await curl(...statusOnly, ...digest, ...json, url)).toBe("200");
  const xml = ["-H", "Content-Type: application/xml", "--data-binary", `@${fixture("access-face-pass.xml")}`];
  expect(await curl(...statusOnly, "-u", "gate-east:s3cret", ...xml, url)).toBe("200");
  const event = `AccessControllerEvent=<${fixture("access-pushed-part.json")};type=application/json`;
  const form = ["-F", event, "-F", `Picture=@${join(folder, "face.jpg")};type=image/jpeg`];
  expect(await curl(...statusOnly, ...digest, ...form, `${url}/events`)).toBe("200");
  expect(context.observed.filter(({ kind }) => kind === "access.granted")).toHaveLength(3);
  expect(await curl(...statusOnly, "--digest", "-u", "gate-east:wrong", ...json, url)).toBe("401");
  expect(await curl(...statusOnly, ...digest, "--data-binary", "noise", url)).toBe("400");
});

test("curl notifies as a HAPI camera does: a form by its header, JSON by its body, Basic, and a fixed path", async () => {
  const options = { deviceId: "SN1", username: "cam-b3", password: "pw" };
  const { context, port, stop } = await startPushingDevice(throwCameraHapi, options);
  ends.push(stop);
  const at = Math.floor(Date.now() / 1000);
  const body = `{"AlarmType":"ObjectDetect","AlarmSubType":"FallingObjectsDetectionAlarm","TimeStamp":${at},"OccurFlag":"true","DeviceID":"SN1","AlarmInfo":null}`;
  const url = `http://127.0.0.1:${port}/HAPI/V1.0/Event/Notification`;
  expect(await curl(...statusOnly, "-u", "cam-b3:pw", "--data-binary", body, url)).toBe("200");
  expect(await curl(...statusOnly, "--data-binary", body, url)).toBe("401");
  expect(context.observed).toMatchObject([{ kind: "throw.detected", occurredAtMs: at * 1000 }]);
});

/** curl holds the stream of our device open, and what it prints is what a device would have sent. */
test("curl signs in at our device's alert stream with Digest, so that its Digest is right and not only ours", async () => {
  const server = new AlertServer({ account });
  ends.push(() => server.close());
  const address = await server.listen();
  expect(await curl(...statusOnly, `${address}${streamPath}`)).toBe("401");
  expect(await curl(...statusOnly, "--digest", "-u", "gate-east:wrong", `${address}${streamPath}`)).toBe("401");
  const child: ChildProcess = spawn("curl", [
    "-s",
    "-N",
    "--digest",
    "-u",
    "gate-east:s3cret",
    `${address}${streamPath}`,
  ]);
  ends.push(() => ended(child));
  let heard = "";
  child.stdout?.on("data", (chunk) => {
    heard += String(chunk);
  });
  await waitFor("curl on the stream", () => server.listeners === 1);
  server.tell({ eventType: "heartBeat", eventState: "active" });
  await waitFor("the heartbeat", () => heard.includes("heartBeat"));
  expect(heard).toMatch(
    /^--MIME_boundary\r\nContent-Type: application\/json; charset="UTF-8"\r\nContent-Length: \d+\r\n\r\n\{/,
  );
});

test("Python's own Digest client gets in as well", async () => {
  const server = new AlertServer({ account, onRequest: () => ({ status: 200, body: "<ok/>" }) });
  ends.push(() => server.close());
  const address = await server.listen();
  const program = `
import sys, urllib.request as r
m = r.HTTPPasswordMgrWithDefaultRealm(); m.add_password(None, sys.argv[1], "gate-east", "s3cret")
print(r.build_opener(r.HTTPDigestAuthHandler(m)).open(sys.argv[1] + "/ISAPI/System/deviceInfo", timeout=5).read().decode())`;
  const { stdout } = await run("/usr/bin/python3", ["-c", program, address]);
  expect(stdout.trim()).toBe("<ok/>");
});
