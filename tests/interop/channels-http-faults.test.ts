import { createServer, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type RobotFaults, RobotServer, type RobotSettings } from "../../simulators/channels/robots.ts";
import { freePort } from "../support/free-port.ts";
import {
  bench,
  certificate,
  configOf,
  fire,
  HurriedClock,
  isFailure,
  kinds,
  push,
  secret,
  token,
} from "./channels-fixture.ts";

const canaries = [token, secret, "13800138000", "li@site.example"];

const open: { close(): Promise<unknown> | unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function robots(settings: Partial<RobotSettings> = {}): Promise<RobotServer> {
  const server = await RobotServer.open({ token, secret, ...settings });
  open.push(server);
  return server;
}

function bodyOf(server: RobotServer): Record<string, unknown> {
  const taken = server.taken.at(-1);
  if (taken === undefined) throw new Error("nothing came");
  return JSON.parse(taken.text);
}

describe.each(kinds)("%s", (kind) => {
  test("says first that an exercise is one", async () => {
    const server = await robots();
    expect((await bench(configOf(kind, server.origin)).try(push({ exercise: true }))).ok).toBe(true);
    const body = bodyOf(server);
    if (kind === "webhook") expect(body["exercise"]).toBe(true);
    else expect(server.taken[0]?.text).toMatch(/"(### )?【演练 EXERCISE】【紧急】/);
  });

  test("lets nobody else speak in it: names on devices call nobody and lead nowhere", async () => {
    const server = await robots();
    const evil = "[点这里](https://evil.example) <@all> <at id=all></at> \u202e **x**\r\n# 头";
    const message = push({ title: { zh: evil, en: evil }, alarm: { ...fire, explanation: { zh: evil, en: evil } } });
    expect(
      (
        await bench({
          ...configOf(kind, server.origin),
          ...(kind === "wecom" ? { mention: "none" } : {}),
        } as never).try(message)
      ).ok,
    ).toBe(true);
    const body = bodyOf(server);
    if (kind === "dingtalk" || kind === "wecom")
      expect(JSON.stringify(body)).not.toMatch(/\]\(https:\/\/evil|<@|<at|\u202e/);
    if (kind === "feishu") expect(JSON.stringify(body)).not.toContain("lark_md");
  });

  const faults: [string, RobotFaults, "receipt" | "transient" | "permanent"][] = [
    ["an end of the connection instead of an answer", { resets: true }, "transient"],
    ["no answer", { hangs: true }, "transient"],
    ["an answer that breaks off", { cutsShort: true }, kind === "webhook" ? "receipt" : "transient"],
    ["an answer that stops after its head", { stalls: true }, kind === "webhook" ? "receipt" : "transient"],
    ["an answer without end", { endless: true }, kind === "webhook" ? "receipt" : "transient"],
    [
      "a captive portal's page",
      { answers: { status: 200, body: "<html>sign in</html>" } },
      kind === "webhook" ? "receipt" : "transient",
    ],
    [
      "an answer without a code",
      { answers: { status: 200, body: '{"errcode":"","code":null}' } },
      kind === "webhook" ? "receipt" : "transient",
    ],
    ["500", { answers: { status: 500, body: "{}" } }, "transient"],
    ["a redirection", { answers: { status: 302, headers: { location: "/hook" } } }, "permanent"],
  ];
  test.each(faults)("meets %s", async (_, fault, expected) => {
    const server = await robots();
    server.faults = fault;
    const b = bench(configOf(kind, server.origin));
    const delivery = await b.try();
    const met = delivery.ok ? "receipt" : delivery.transient ? "transient" : "permanent";
    expect(met, JSON.stringify(delivery)).toBe(expected);
    const result = { receipt: "received" }[met as "receipt"] ?? met;
    expect(b.counts).toEqual(new Map([[`zhian_channel_tries_total ${result}`, 1]]));
    expect(server.taken).toHaveLength(1);
    // What is not read stays in the buffers of two sockets.
    expect(server.poured).toBeLessThan(16 * 1024 * 1024);
  });

  test("meets a closed port and a name that nobody knows", async () => {
    const port = await freePort();
    expect(isFailure(await bench(configOf(kind, `http://127.0.0.1:${port}`)).try())).toMatchObject({
      transient: true,
      detail: expect.stringContaining("refuses the connection"),
    });
    expect(isFailure(await bench(configOf(kind, "https://no-such-host.invalid")).try()).transient).toBe(true);
  });

  test("is given up at once when the gateway says so", async () => {
    const server = await robots();
    server.faults = { hangs: true };
    const ending = new AbortController();
    const trying = bench(configOf(kind, server.origin)).try(push(), ending.signal);
    setTimeout(() => ending.abort(), 50);
    expect(isFailure(await trying)).toMatchObject({ transient: true, detail: "given up by the gateway" });
    expect(isFailure(await bench(configOf(kind, server.origin)).try(push(), AbortSignal.abort())).transient).toBe(true);
  });

  test("keeps its secrets and its persons out of receipts, details and the log, whatever the other side quotes", async () => {
    const server = await robots();
    const quoted = `${token} ${secret} ${encodeURIComponent(secret)} +8613800138000 13800138000 li@site.example`;
    for (const answer of [
      { status: 200, headers: { "x-request-id": quoted }, body: JSON.stringify({ errcode: 0, errmsg: quoted }) },
      { status: 200, body: JSON.stringify({ errcode: 310000, errmsg: quoted }) },
      { status: 400, body: JSON.stringify({ code: 9499, msg: quoted }) },
      { status: 500, body: quoted },
    ]) {
      server.faults = { answers: answer };
      const b = bench(configOf(kind, server.origin));
      const told = JSON.stringify([await b.try(), b.log]);
      // WeCom's robot has no key but the one in its address.
      const own = canaries.filter((canary) => kind !== "wecom" || canary !== secret);
      for (const canary of own) expect(told).not.toContain(canary);
    }
  });
});

describe("over TLS", () => {
  test("a certificate of the site's own authority is good where the authority is configured", async () => {
    const { ca, ...tls } = certificate();
    const server = await robots({ tls });
    for (const kind of kinds) expect((await bench(configOf(kind, server.origin, { ca })).try()).ok).toBe(true);
  });

  test("a certificate that cannot be traced is refused for good, before anything is sent", async () => {
    const { ca: _, ...tls } = certificate();
    const server = await robots({ tls });
    for (const kind of kinds) {
      const failure = isFailure(await bench(configOf(kind, server.origin)).try());
      expect(failure).toMatchObject({
        transient: false,
        detail: expect.stringMatching(/the certificate of .* nothing was sent/),
      });
    }
    expect(server.taken).toEqual([]);
  });

  test("the environment cannot turn the verification off", async () => {
    const { ca: _, ...tls } = certificate();
    const server = await robots({ tls });
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      expect((await bench(configOf("webhook", server.origin)).try()).ok).toBe(false);
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
    expect(server.taken).toEqual([]);
  });

  test("a certificate for another name, and one from another time, are told apart", async () => {
    const { ca, ...tls } = certificate({ name: "elsewhere.example" });
    const named = await robots({ tls });
    expect(isFailure(await bench(configOf("webhook", named.origin, { ca })).try())).toMatchObject({
      transient: false,
      detail: expect.stringContaining("another name"),
    });
    const old = certificate({ expired: true });
    const expired = await robots({ tls: { key: old.key, cert: old.cert } });
    const config = configOf("webhook", expired.origin, { ca: old.ca });
    expect(isFailure(await bench(config).try())).toMatchObject({
      transient: false,
      detail: expect.stringContaining("expired"),
    });
    const clock = new HurriedClock();
    clock.state = "unsynchronised";
    expect(isFailure(await bench(config, clock).try()).transient).toBe(true);
  });

  test("a port that speaks no TLS is wrong for good", async () => {
    const server: TcpServer = createServer((socket) => socket.end("220 hello\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => server.close() });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(isFailure(await bench(configOf("webhook", `https://127.0.0.1:${port}`)).try())).toMatchObject({
      transient: false,
      detail: expect.stringContaining("does not speak TLS"),
    });
  });
});
