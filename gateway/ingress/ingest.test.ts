import { afterEach, describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { askOnce, basic, HttpDevice, headersOf, requestBytes } from "../../tests/support/ingress/http-device.ts";
import { deviceId } from "../../tests/support/ingress/test-broker.ts";
import { grantsOfAll, startTestIngest, type TestIngest } from "../../tests/support/ingress/test-ingest.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { observationIdSchema, zoneIdSchema } from "../domain/ids.ts";
import type { HttpGrants, HttpPush, HttpReply } from "../ports/driver.ts";
import type { HttpEndpoint } from "./http-link.ts";

const running: TestIngest[] = [];
const wires: HttpDevice[] = [];
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.end();
  for (const { ingest } of running.splice(0)) await ingest.close();
});

const ok: HttpReply = { status: 200, contentType: "application/json", body: '{"code":200}' };
const cam = basic("cam", "pw-cam");

interface Started {
  readonly devices?: Readonly<Record<string, Partial<HttpGrants>>>;
  readonly options?: Parameters<typeof startTestIngest>[1];
  readonly serve?: (push: HttpPush) => Promise<HttpReply>;
}

/** A camera `cam` whose session keeps what is pushed, and whatever else. */
async function start({ devices = { cam: {} }, options, serve }: Started = {}) {
  const test = await startTestIngest(devices, options);
  running.push(test);
  const pushes: HttpPush[] = [];
  const endpoint = test.ingest.deviceHttp(deviceId("cam"));
  endpoint.serve((push) => {
    pushes.push(push);
    return serve?.(push) ?? Promise.resolve(ok);
  });
  const connect = () => {
    const wire = new HttpDevice(test.port);
    wires.push(wire);
    return wire;
  };
  let signs = 0;
  endpoint.onSign(() => signs++);
  return { ...test, endpoint, pushes, connect, signs: () => signs };
}

const texts = (pushes: readonly HttpPush[]) => pushes.map(({ body }) => Buffer.from(body).toString());

describe("a push", () => {
  it("reaches the session with all that it says, and gets the session's answer", async () => {
    const { connect, pushes } = await start();
    const headers = { ...cam, "content-type": "Application/JSON; charset=utf-8", "x-cos-meta-user-id": "0" };
    const answer = await connect().ask({ path: "/ingest/cam/event%201?a=1&b=%E4%B8%AD&a=2", headers, body: '{"x":1}' });
    expect(answer).toMatchObject({ status: 200, body: '{"code":200}' });
    expect(headersOf(answer, "content-type")).toEqual(["application/json"]);
    const [push] = pushes;
    expect(push).toMatchObject({
      method: "POST",
      path: "/event 1",
      query: { a: "1", b: "中" },
      contentType: "application/json",
      parts: [],
      address: "127.0.0.1",
    });
    expect(texts(pushes)).toEqual(['{"x":1}']);
    expect(push?.header("X-Cos-Meta-User-Id")).toBe("0");
    expect(push?.header("authorization")).toBeUndefined();
    expect(push?.header("constructor")).toBeUndefined();
  });

  it.each([
    ["its own address", "/ingest/cam", ""],
    ["its own address with a slash", "/ingest/cam/", ""],
    ["below it", "/ingest/cam/a/b", "/a/b"],
    ["a literal path", "/HAPI/V1.0/Event/Notification", "/HAPI/V1.0/Event/Notification"],
  ])("comes at %s", async (_what, path, below) => {
    const { connect, pushes } = await start({ devices: { cam: { paths: ["/HAPI/V1.0/Event/Notification"] } } });
    expect((await connect().ask({ path, headers: cam })).status).toBe(200);
    expect(pushes.map((push) => push.path)).toEqual([below]);
  });

  it.each([
    ["in its path", "/ingest/cam/token/s3cret-token/a", "/a"],
    ["in its query", "/ingest/cam/a?token=s3cret-token&x=1", "/a"],
  ])("may carry a token %s, which the session does not see", async (_what, path, below) => {
    const { connect, pushes } = await start({ devices: { cam: { token: "s3cret-token" } } });
    expect((await connect().ask({ path })).status).toBe(200);
    expect(pushes[0]?.path).toBe(below);
    expect(JSON.stringify(pushes)).not.toContain("s3cret");
  });

  it("may say its secret as a level of its literal path, which is told to nobody", async () => {
    const paths = ["/HAPI/V1.0/a-level-of-24-characters/Event/Notification", "/Subscribe/PushVideo"];
    const { connect, ingest, logger } = await start({ devices: { cam: { token: "a-level-of-24-characters", paths } } });
    const [right = "", other = ""] = paths;
    expect((await connect().ask({ path: right })).status).toBe(200);
    expect((await connect().ask({ path: other })).status).toBe(401);
    expect((await connect().ask({ path: right.replace("24", "25") })).status).toBe(401);
    expect(ingest.strangers().map(({ clientId }) => clientId)).toEqual(["/HAPI/V1.0/…/Event/Notification"]);
    expect(JSON.stringify([ingest.strangers(), logger.lines])).not.toContain("a-level");
  });

  it("of a camera that says form data, means JSON, and closes without reading the answer, is taken", async () => {
    const { connect, pushes, telemetry } = await start({
      devices: { cam: { paths: ["/HAPI/V1.0/Event/Notification"] } },
    });
    const headers = { ...cam, "content-type": "application/x-www-form-urlencoded", "user-agent": "HAPI NOTIFY" };
    const bytes = requestBytes({
      path: "/HAPI/V1.0/Event/Notification",
      headers,
      body: '{"AlarmType":"ObjectDetect"}',
    });
    for (let round = 0; round < 50; round++) {
      const wire = connect();
      wire.socket.end(bytes);
      const other = connect();
      other.socket.write(bytes, () => other.socket.destroy());
    }
    await waitFor("all pushes", () => pushes.length === 100);
    expect(new Set(texts(pushes))).toEqual(new Set(['{"AlarmType":"ObjectDetect"}']));
    expect(pushes[0]?.contentType).toBe("application/x-www-form-urlencoded");
    expect(telemetry.of("zhian_ingest_protocol_faults_total")).toBe(0);
  });

  it("keeps its connection for the next, and several at once are answered in order", async () => {
    const { connect, pushes } = await start({
      serve: async ({ body }) => ({ status: 200, body: Buffer.from(body).toString() }),
    });
    const wire = connect();
    const sent = Array.from({ length: 12 }, (_, i) => `m${i}`);
    wire.send(Buffer.concat(sent.map((body) => requestBytes({ path: "/ingest/cam", headers: cam, body }))));
    await wire.answer(12);
    expect(wire.answers.map(({ body }) => body)).toEqual(sent);
    expect(texts(pushes)).toEqual(sent);
    expect((await wire.ask({ path: "/ingest/cam", headers: cam, body: "later" })).body).toBe("later");
  });

  it("is handed over when the one before it is answered, whichever connection it came on", async () => {
    const held: (() => void)[] = [];
    const { connect, pushes, signs } = await start({
      serve: () => new Promise((resolve) => held.push(() => resolve(ok))),
    });
    const [a, b] = [connect(), connect()];
    const first = a.ask({ path: "/ingest/cam", headers: cam, body: "1" });
    await waitFor("the first", () => held.length === 1);
    const second = b.ask({ path: "/ingest/cam", headers: cam, body: "2" });
    await waitFor("the second is signed in", () => signs() === 2);
    await connect().ask({ path: "/nobody" });
    expect(texts(pushes)).toEqual(["1"]);
    held[0]?.();
    await first;
    await waitFor("the second", () => held.length === 2);
    held[1]?.();
    expect((await second).status).toBe(200);
    expect(texts(pushes)).toEqual(["1", "2"]);
  });

  it("is told to go on where it asks first, and is refused unread where it is too large", async () => {
    const { connect, pushes } = await start({ devices: { cam: { maxBodyBytes: 1000 } } });
    const wire = connect();
    wire.send("POST /ingest/cam HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 2\r\n");
    wire.send(`Authorization: ${cam["authorization"]}\r\n\r\n`);
    wire.send("{}");
    expect((await wire.answer(1)).status).toBe(200);
    expect(texts(pushes)).toEqual(["{}"]);
    wire.send("POST /ingest/cam HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n");
    wire.send(`Authorization: ${cam["authorization"]}\r\n\r\n`);
    expect((await wire.answer(2)).status).toBe(413);
  });
});

describe("the answer to a push", () => {
  /** Stores a push as one observation. */
  async function store(log: HeldLog, { body }: HttpPush): Promise<HttpReply> {
    const record = Buffer.from(body).toString();
    const draft = { kind: "contact.state" as const, body: { active: true }, sourceRecordId: record };
    const id = observationIdSchema.parse(record);
    await log.append([{ id, deviceId: deviceId("cam"), zoneId: zoneIdSchema.parse("z"), dialect: "test", draft }]);
    return ok;
  }

  /** What is wrong with the answers of a listener whose device is served so; nothing, if all is well. */
  async function violations(serve: (push: HttpPush, log: HeldLog) => Promise<HttpReply>): Promise<string[]> {
    const log = new HeldLog();
    const { connect } = await start({ serve: (push) => serve(push, log) });
    const [device, witness] = [connect(), connect()];
    const wrong: string[] = [];
    for (const record of ["1", "2"]) {
      const answered = device.ask({ path: "/ingest/cam", headers: cam, body: record });
      await waitFor("the commit under way", () => log.pending.length === 1);
      await witness.ask({ path: "/nobody" });
      await witness.ask({ path: "/nobody" });
      if (device.answers.length !== Number(record) - 1) wrong.push(`${record} answered with its commit under way`);
      log.commit();
      await answered;
    }
    return wrong;
  }

  it("leaves when the log has stored what it said, and not before", async () => {
    expect(await violations((push, log) => store(log, push))).toEqual([]);
  });

  it("control: a session that does not wait for the log is found out by the same check", async () => {
    const early = await violations((push, log) => {
      void store(log, push);
      return Promise.resolve(ok);
    });
    expect(early).toContain("1 answered with its commit under way");
  });

  it("is 503 with a time to try again where the session rejects or throws, and the next one is served", async () => {
    let failures = 2;
    const { connect, logger } = await start({
      serve: () => {
        failures -= 1;
        if (failures === 1) return Promise.reject(new Error("the disk is full"));
        if (failures === 0) throw new Error("a bug");
        return Promise.resolve(ok);
      },
    });
    const wire = connect();
    for (const status of [503, 503, 200]) {
      const answer = await wire.ask({ path: "/ingest/cam", headers: cam, body: "x" });
      expect(answer.status).toBe(status);
      if (status === 503) expect(headersOf(answer, "retry-after")).toEqual(["5"]);
    }
    expect(logger.lines.join()).toContain("told to send it again");
  });

  it("is 503 where no session serves within ten seconds; one that comes in time is waited for", async () => {
    const clock = new ManualClock();
    const { connect, ingest, endpoint } = await start({ options: { clock } });
    endpoint.close();
    const wire = connect();
    let answer = wire.ask({ path: "/ingest/cam", headers: cam, body: "x" });
    await waitFor("the time to pass", () => {
      clock.advance(1000);
      return wire.answers.length === 1;
    });
    expect((await answer).status).toBe(503);
    answer = wire.ask({ path: "/ingest/cam", headers: cam, body: "y" });
    ingest.deviceHttp(deviceId("cam")).serve(() => Promise.resolve(ok));
    expect((await answer).status).toBe(200);
  });

  it("is 503 after half a minute where the session hangs, and only that one waits", async () => {
    const clock = new ManualClock();
    const devices = { cam: {}, gate: {} };
    const { connect, ingest } = await start({ devices, options: { clock }, serve: () => new Promise(() => {}) });
    ingest.deviceHttp(deviceId("gate")).serve(() => Promise.resolve(ok));
    const wire = connect();
    const hung = wire.ask({ path: "/ingest/cam", headers: cam, body: "x" });
    expect((await connect().ask({ path: "/ingest/gate", headers: basic("gate", "pw-gate") })).status).toBe(200);
    await waitFor("the time to pass", () => {
      clock.advance(5000);
      return wire.answers.length === 1;
    });
    expect((await hung).status).toBe(503);
  });

  it("is 503 for what a session has under way when it ends", async () => {
    const { connect, endpoint, pushes } = await start({ serve: () => new Promise(() => {}) });
    const answer = connect().ask({ path: "/ingest/cam", headers: cam, body: "x" });
    await waitFor("the push", () => pushes.length === 1);
    endpoint.close();
    expect((await answer).status).toBe(503);
  });
});

describe("closing", () => {
  it("answers what was begun, takes nothing new, and is done", async () => {
    let release = () => {};
    const { connect, ingest, pushes, port } = await start({
      serve: () => new Promise((resolve) => (release = () => resolve(ok))),
    });
    const idle = connect();
    await idle.ask({ path: "/nobody" });
    const wire = connect();
    const answer = wire.ask({ path: "/ingest/cam", headers: cam, body: "x" });
    await waitFor("the push", () => pushes.length === 1);
    const closed = ingest.close();
    await idle.wasCut();
    expect(ingest.listening()).toBe(false);
    const late = new HttpDevice(port);
    await late.wasCut();
    release();
    expect(await answer).toMatchObject({ status: 200 });
    await closed;
    await wire.wasCut();
  });

  it("does not wait for a session that hangs, nor for a device that dawdles", async () => {
    const { connect, ingest, pushes } = await start({ serve: () => new Promise(() => {}) });
    const [hung, slow] = [connect(), connect()];
    hung.send(requestBytes({ path: "/ingest/cam", headers: cam, body: "x" }));
    slow.send(requestBytes({ path: "/ingest/cam", headers: { ...cam, "content-length": "100" }, body: "x" }));
    await waitFor("the push", () => pushes.length === 1);
    const begun = performance.now();
    await ingest.close();
    expect(performance.now() - begun).toBeLessThan(3000);
    await hung.wasCut();
    await slow.wasCut();
  });
});

describe("a reload", () => {
  it("lets in whom it names and nobody else, without disturbing the others", async () => {
    const { connect, ingest, pushes } = await start({ devices: { cam: {}, gate: {} } });
    const wire = connect();
    const push = (id: string, password = `pw-${id}`) =>
      wire.ask({ path: `/ingest/${id}`, headers: basic(id, password) }).then(({ status }) => status);
    ingest.deviceHttp(deviceId("gate")).serve(() => Promise.resolve(ok));
    expect([await push("cam"), await push("gate")]).toEqual([200, 200]);
    ingest.admit(grantsOfAll({ cam: {}, west: {} }));
    ingest.deviceHttp(deviceId("west")).serve(() => Promise.resolve(ok));
    expect([await push("cam"), await push("gate"), await push("west")]).toEqual([200, 401, 200]);
    ingest.admit(grantsOfAll({ cam: { password: "new" } }));
    expect([await push("cam"), await push("cam", "new"), await push("west")]).toEqual([401, 200, 401]);
    expect(pushes).toHaveLength(3);
  });

  it("does not hand over what was signed in by rights that are gone", async () => {
    const held: (() => void)[] = [];
    const { connect, ingest, pushes, signs } = await start({
      serve: () => new Promise((resolve) => held.push(() => resolve(ok))),
    });
    const [a, b] = [connect(), connect()];
    const first = a.ask({ path: "/ingest/cam", headers: cam, body: "1" });
    await waitFor("the first", () => held.length === 1);
    const second = b.ask({ path: "/ingest/cam", headers: cam, body: "2" });
    await waitFor("the second is signed in", () => signs() === 2);
    ingest.admit(grantsOfAll({ cam: { password: "new" } }));
    held[0]?.();
    expect((await first).status).toBe(200);
    expect([401, 503]).toContain((await second).status);
    expect(texts(pushes)).toEqual(["1"]);
  });

  it.each<[string, Partial<HttpGrants>]>([
    ["neither user name nor token", { username: undefined as never, password: undefined as never }],
    ["a user name alone", { password: undefined as never }],
    ["an empty password", { password: "" }],
    ["a user name with a colon", { username: "a:b" }],
    ["a short token", { token: "short" }],
    ["the path of another", { paths: ["/HAPI/x"] }],
    ["a path below /ingest", { paths: ["/ingest/gate"] }],
    ["a path with dots", { paths: ["/a/../b"] }],
    ["a path with a query", { paths: ["/a?b"] }],
    ["no path at all", { paths: ["a"] }],
  ])("is refused for a device with %s, and changes nothing", async (_what, wrong) => {
    const { connect, ingest } = await start({ devices: { cam: { paths: ["/HAPI/x"] } } });
    const next = new Map(grantsOfAll({ cam: { paths: ["/HAPI/x"] } }));
    next.set(deviceId("gate"), { username: "gate", password: "pw-gate", ...wrong });
    expect(() => ingest.admit(next)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect((await connect().ask({ path: "/HAPI/x", headers: cam })).status).toBe(200);
    expect((await askOnce(ingest.port, { path: "/ingest/gate", headers: basic("gate", "pw-gate") })).status).toBe(401);
  });

  it("closes the session's end that was there before", async () => {
    const { ingest, connect, endpoint } = await start();
    const next: HttpEndpoint = ingest.deviceHttp(deviceId("cam"));
    next.serve(() => Promise.resolve({ status: 204 }));
    endpoint.serve(() => Promise.resolve({ status: 500 }));
    expect((await connect().ask({ path: "/ingest/cam", headers: cam })).status).toBe(204);
  });
});
