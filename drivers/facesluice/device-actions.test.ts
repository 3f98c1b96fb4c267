import { createServer, type ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { FakeDriverContext } from "../../tests/support/driver-context.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { faceSluiceHttpOptions } from "./http-options.ts";
import { openFaceSluiceHttp } from "./http-session.ts";

interface Action {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly operator: string;
  readonly info: Record<string, unknown>;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A device's own server, and the session that asks it. */
async function device(answer: (action: Action, reply: ServerResponse) => object | undefined, more: object = {}) {
  const actions: Action[] = [];
  const server = createServer((request, reply) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const { authorization } = request.headers;
      const action: Action = { path: request.url, authorization, ...JSON.parse(text) };
      actions.push(action);
      const body = answer(action, reply);
      if (body !== undefined) reply.end(JSON.stringify({ operator: action.operator, ...body }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const address = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  const options = faceSluiceHttpOptions.parse({
    deviceId: "1299517",
    username: "gate",
    password: "in",
    server: { address, username: "admin", password: "out", callback: "http://127.0.0.1:8090/" },
    ...more,
  });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.parse("2026-11-24T00:00:00Z")) });
  const session = openFaceSluiceHttp(context);
  ends.push(() => {
    context.abort();
    server.closeAllConnections();
    server.close();
  });
  const give = (name: string, args: Record<string, string> = {}) => {
    if (session.command === undefined) throw new Error("it takes no commands");
    return session.command({ name, args });
  };
  return { context, actions, give };
}

const ok = { code: 200, info: { Result: "Ok" } };

test("a device is subscribed with its own account, and told where and how to push", async () => {
  const { context, actions } = await device(() => ok);
  await waitFor("the subscription", () => context.seenDetails.length > 0);
  expect(actions).toEqual([
    {
      path: "/action/Subscribe",
      authorization: `Basic ${Buffer.from("admin:out").toString("base64")}`,
      operator: "Subscribe",
      info: {
        DeviceID: 1299517,
        Num: 2,
        Topics: ["Snap", "VerifyNoPic"],
        SubscribeAddr: "http://127.0.0.1:8090",
        SubscribeUrl: {
          Snap: "/ingest/device-1/Snap",
          Verify: "/ingest/device-1/Verify",
          HeartBeat: "/ingest/device-1/heartbeat",
        },
        BeatInterval: 30,
        ResumefromBreakpoint: 1,
        Auth: "Basic",
        User: "gate",
        Pwd: "in",
      },
    },
  ]);
});

test("firmware that does not know a topic without pictures is subscribed with them, by a token where it has no account", async () => {
  const token = "0123456789abcdef";
  const { context, actions } = await device(
    ({ info }) => (JSON.stringify(info).includes("VerifyNoPic") ? { code: 464, info: { Detail: "Unkonw Topic" } } : ok),
    { username: undefined, password: undefined, token },
  );
  await waitFor("the subscription", () => context.seenDetails.length > 0);
  expect(actions.map(({ info }) => info["Topics"])).toEqual([
    ["Snap", "VerifyNoPic"],
    ["Snap", "VerifyWithSnap"],
  ]);
  expect(actions[1]?.info).toMatchObject({
    Auth: "none",
    SubscribeUrl: { Snap: `/ingest/device-1/token/${token}/Snap` },
  });
  expect(actions[1]?.info).not.toHaveProperty("Pwd");
});

test("commands go to /action/ and their answers say what became of them", async () => {
  const { context, actions, give } = await device(({ operator }) => {
    switch (operator) {
      case "GetSysTime":
        return { info: { Year: 2026, Month: 11, Day: 24, Hour: 7, Minute: 59, Second: 30 } };
      case "GetSysParam":
        return { info: { Name: "张三", DeviceID: 1299517, Version: "V1.13.2", DeviceType: 0 } };
      case "ManualPushSnaps":
        return { code: 468, info: { Result: "Fail", Detail: "Last manual push not completed" } };
      default:
        return ok;
    }
  });
  await waitFor("the subscription", () => context.seenDetails.length > 0);
  expect(await give("reboot")).toEqual({ ok: true, confirmed: true });
  expect(actions.at(-1)).toMatchObject({
    path: "/action/RebootDevice",
    info: { DeviceID: 1299517, IsRebootDevice: 1 },
  });
  expect(await give("get-time")).toMatchObject({ detail: "its clock reads 2026-11-24 07:59:30, 30 s behind" });
  expect(await give("device-info")).toMatchObject({ ok: true, detail: "firmware V1.13.2, camera" });
  expect(context.seenDetails).toContainEqual({ firmware: "V1.13.2" });
  const span = { from: "2026-11-23 00:00:00", to: "2026-11-24 00:00:00", what: "strangers" };
  expect(await give("replay-records", span)).toEqual({
    ok: false,
    why: "refused",
    detail: "468: it is busy: the push by hand before is not finished",
  });
  expect(actions.at(-1)?.info).toEqual({
    DeviceID: 1299517,
    TimeS: "2026-11-23T00:00:00",
    TimeE: "2026-11-24T00:00:00",
  });
  expect(await give("configure-upload")).toEqual({ ok: true, confirmed: true });
  expect(actions.at(-1)?.operator).toBe("Subscribe");
  expect(context.everything()).not.toContain("张三");
});

test("a door is opened as the site's configuration says", async () => {
  const unlock = { operator: "OpenDoor", info: { DeviceID: "{deviceId}", Chn: 0 } };
  const { actions, give } = await device(() => ok, { unlock });
  expect(await give("unlock")).toMatchObject({ ok: true, confirmed: true });
  expect(actions.at(-1)).toMatchObject({ path: "/action/OpenDoor", info: { DeviceID: "1299517", Chn: 0 } });
});

test.each<[string, (reply: ServerResponse) => object | undefined, string, RegExp]>([
  ["a wrong account", (reply) => void reply.writeHead(401).end(), "refused", /server\.username \(HTTP 401\)/],
  ["an error page", (reply) => void reply.writeHead(500).end("<html>"), "refused", /HTTP 500/],
  ["no JSON", (reply) => void reply.end("Ok"), "refused", /not JSON/],
  ["a list", (reply) => void reply.end("[]"), "refused", /no object/],
  ["a hang-up", (reply) => void reply.destroy(), "not-connected", /127\.0\.0\.1/],
  ["an endless answer", (reply) => void reply.end("x".repeat(300_000)), "no-answer", /longer than/],
])("%s is told for what it is", async (_what, answer, why, detail) => {
  const { give } = await device((_action, reply) => answer(reply));
  const outcome = await give("reboot");
  expect(outcome).toMatchObject({ ok: false, why, detail: expect.stringMatching(detail) });
});

test("a device that takes the command and does not answer is given up, and it may have been done", async () => {
  const { context, actions, give } = await device(({ operator }) => (operator === "Subscribe" ? ok : undefined));
  const outcome = give("reboot");
  await waitFor("the command", () => actions.some(({ operator }) => operator === "RebootDevice"));
  context.clock.advance(5000);
  expect(await outcome).toMatchObject({ ok: false, why: "no-answer", detail: expect.stringMatching(/may have been/) });
});
