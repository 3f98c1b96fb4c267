import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { FaceTerminal } from "../face-terminal/terminal.ts";
import { ThrowCamera } from "../throw-camera/camera.ts";
import type { StationEvent } from "./station.ts";

const run = promisify(execFile);
const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Heard {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly text: string;
}

/** A platform that answers as it is told. */
async function platform() {
  const heard: Heard[] = [];
  const state = { answer: '{"code":200,"desc":"OK"}', status: 200 };
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("latin1");
      heard.push({ path: request.url ?? "", authorization: request.headers.authorization, text });
      reply.writeHead(state.status).end(state.answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  const url = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  const at = (path: string) => heard.filter((each) => each.path === path);
  return { url, heard, at, state };
}

/** curl gives the commands, as an installer would. */
async function tell(address: string | undefined, operator: string, info: object, account = "admin:admin") {
  const body = JSON.stringify({ operator, info });
  const { stdout } = await run("curl", ["-s", "-u", account, "-d", body, `${address}/action/${operator}`]);
  return stdout === "" ? undefined : JSON.parse(stdout);
}

const subscription = (url: string) => ({
  DeviceID: "1299517",
  Num: 2,
  Topics: ["Snap", "VerifyWithSnap"],
  SubscribeAddr: url,
  SubscribeUrl: { Snap: "/Subscribe/Snap", Verify: "/Subscribe/Verify", HeartBeat: "/Subscribe/heartbeat" },
  BeatInterval: 30,
  ResumefromBreakpoint: 1,
  Auth: "Basic",
  User: "cam",
  Pwd: "secret",
});

const options = { transport: "http", deviceId: "1299517", pictureBytes: 400, resendAfterMs: 60 } as const;

it("a terminal pushes what it is subscribed to, and the same record again until it is answered by code 200", async () => {
  const { url, at, state } = await platform();
  const events: StationEvent[] = [];
  const gate = new FaceTerminal({ ...options, onEvent: (event) => events.push(event) });
  gate.station.start();
  ends.push(() => gate.station.stop());
  const address = await waitFor("its server", () => gate.station.address);
  gate.recognise("refused");
  expect(events.map(({ type }) => type)).toEqual(["buffered"]);
  expect(await tell(address, "Subscribe", subscription(url), "admin:wrong")).toBeUndefined();
  state.answer = '{"code":500}';
  expect(await tell(address, "Subscribe", subscription(url))).toMatchObject({ code: 200, info: { Result: "Ok" } });
  await waitFor("three tries", () => at("/Subscribe/Verify").length >= 3);
  expect(new Set(at("/Subscribe/Verify").map(({ text }) => text)).size).toBe(1);
  state.answer = '{"code":200,"desc":"OK"}';
  await waitFor("nothing waiting", () => gate.station.waiting === 0);
  const [first] = at("/Subscribe/Verify");
  expect(first?.authorization).toBe(`Basic ${Buffer.from("cam:secret").toString("base64")}`);
  expect(JSON.parse(first?.text ?? "")).toMatchObject({
    operator: "VerifyPush",
    info: { DeviceID: "1299517", VerifyStatus: 2, VerfyType: 1, nRecordIndex: 1, Sendintime: 0, PushType: 0 },
    SanpPic: expect.stringMatching(/^data:image\/jpeg;base64,/),
  });
  expect(JSON.parse(first?.text ?? "").info.CreateTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  expect(JSON.parse(at("/Subscribe/heartbeat")[0]?.text ?? "")).toMatchObject({ operator: "HeartBeat" });
});

it("a camera sends the film after the throw was taken", async () => {
  const { url, heard, at } = await platform();
  const destination = { address: url, snap: "/s", verify: "/v", heartbeat: "/h" };
  const camera = new ThrowCamera({ ...options, destination });
  camera.station.start();
  ends.push(() => camera.station.stop());
  await waitFor("the connection", () => camera.station.connected);
  camera.report(Date.now() - 3000, Date.now() - 1000);
  const film = await waitFor("the film", () => at("/Subscribe/PushVideo")[0]);
  expect(heard.map(({ path }) => path).filter((path) => path !== "/h")).toEqual(["/s", "/Subscribe/PushVideo"]);
  expect(film.text).toMatch(
    /name="DeviceID"\r\n\r\n1299517\r\n[\s\S]*name="file"; filename="1.mp4"\r\nContent-Type: video\/mp4/,
  );
});

it("answers as documented to what it does not know, is not for it, or comes at the wrong time", async () => {
  const gate = new FaceTerminal(options);
  gate.station.start();
  ends.push(() => gate.station.stop());
  const address = await waitFor("its server", () => gate.station.address);
  expect(await tell(address, "MakeCoffee", {})).toMatchObject({ code: 461 });
  expect(await tell(address, "GetSysTime", { DeviceID: "777" })).toMatchObject({ code: 463 });
  expect(await tell(address, "Subscribe", { Topics: [] })).toMatchObject({ code: 464 });
  expect(await tell(address, "GetSysParam", {})).toMatchObject({ code: 200, info: { DeviceType: 3 } });
  gate.station.trouble({ busy: true });
  expect(await tell(address, "RebootDevice", { IsRebootDevice: 1 })).toMatchObject({ code: 468 });
});
