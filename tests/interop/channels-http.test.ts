import { createHmac } from "node:crypto";
import { createServer, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Delivery } from "../../gateway/ports/push.ts";
import { type RobotFaults, RobotServer, type RobotSettings } from "../../simulators/channels/robots.ts";
import { freePort } from "../support/free-port.ts";
import { bench, certificate, fire, HurriedClock, push } from "./channels-fixture.ts";

const token = "canary-token-0123456789abcdef";
const secret = "SECcanary-secret-0123456789";
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

const kinds = ["webhook", "dingtalk", "wecom", "feishu"] as const;
type Kind = (typeof kinds)[number];

function configOf(kind: Kind, origin: string, more: { secret?: string; token?: string; ca?: string } = {}) {
  const key = more.token ?? token;
  const ca = more.ca === undefined ? {} : { ca: more.ca };
  switch (kind) {
    case "webhook":
      return { id: "c", type: kind, url: `${origin}/hook?key=${key}`, secret: more.secret ?? secret, ...ca };
    case "dingtalk":
      return {
        id: "c",
        type: kind,
        url: `${origin}/robot/send?access_token=${key}`,
        secret: more.secret ?? secret,
        ...ca,
      };
    case "wecom":
      return { id: "c", type: kind, url: `${origin}/cgi-bin/webhook/send?key=${key}`, ...ca };
    case "feishu":
      return {
        id: "c",
        type: kind,
        url: `${origin}/open-apis/bot/v2/hook/${key}`,
        secret: more.secret ?? secret,
        ...ca,
      };
  }
}

function bodyOf(server: RobotServer): Record<string, unknown> {
  const taken = server.taken.at(-1);
  if (taken === undefined) throw new Error("nothing came");
  return JSON.parse(taken.text);
}

function isFailure(delivery: Delivery) {
  if (delivery.ok) throw new Error(`it was received: ${delivery.receipt}`);
  return delivery;
}

describe("the webhook", () => {
  test("tells the alarm, ids of persons only, under the push's id", async () => {
    const server = await robots();
    const delivery = await bench(configOf("webhook", server.origin)).try();
    expect(delivery).toEqual({ ok: true, receipt: "200" });
    expect(bodyOf(server)).toEqual({
      id: "push-1",
      alarm: fire,
      title: push().title,
      tier: 1,
      exercise: false,
      link: push().link,
      to: ["li", "wang"],
    });
    expect(server.taken[0]?.headers["x-zhian-id"]).toBe("push-1");
    expect(server.taken[0]?.text).not.toMatch(/李队长|13800138000|site\.example.*@|li@/);
  });

  test("signs timestamp and body so that the other side can check who sent it and when", async () => {
    const server = await robots();
    await bench(configOf("webhook", server.origin)).try();
    const taken = server.taken[0];
    const timestamp = taken?.headers["x-zhian-timestamp"] ?? "";
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(5);
    const expected = createHmac("sha256", secret).update(`${timestamp}.${taken?.text}`).digest("hex");
    expect(taken?.headers["x-zhian-signature"]).toBe(`sha256=${expected}`);
  });

  test("gives status and request id as the receipt, and reads no body for it", async () => {
    const server = await robots();
    server.faults = { answers: { status: 202, headers: { "x-request-id": "r-77" }, body: "not json" } };
    expect(await bench(configOf("webhook", server.origin)).try()).toEqual({ ok: true, receipt: "202 r-77" });
  });

  test("waits as long as Retry-After asks, in seconds or as a date, an hour at most", async () => {
    const server = await robots();
    const b = bench(configOf("webhook", server.origin));
    const ask = async (value: string) => {
      server.faults = { answers: { status: 503, headers: { "retry-after": value } } };
      return isFailure(await b.try()).retryAfterMs;
    };
    expect(await ask("7")).toBe(7000);
    expect(await ask("999999999")).toBe(3_600_000);
    expect(await ask("soon")).toBeUndefined();
    const asked = await ask(new Date(Date.now() + 30_000).toUTCString());
    expect(asked).toBeGreaterThan(25_000);
    expect(asked).toBeLessThanOrEqual(30_000);
  });

  test.each([
    [301, false],
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [410, false],
    [413, false],
    [429, true],
    [500, true],
    [503, true],
  ])("takes the status %i for something that may pass: %s", async (status, transient) => {
    const server = await robots();
    server.faults = { answers: { status, headers: { location: `${server.origin}/elsewhere` } } };
    expect(isFailure(await bench(configOf("webhook", server.origin)).try()).transient).toBe(transient);
    expect(server.taken).toHaveLength(1);
  });

  test("wants https beyond this machine unless it is told otherwise", () => {
    const config = { id: "c", type: "webhook" as const, url: "http://10.1.2.3/hook" };
    expect(() => bench(config)).toThrow(/https address/);
    expect(() => bench({ ...config, plaintext: true })).not.toThrow();
    expect(() => bench({ id: "c", type: "wecom", url: "http://10.1.2.3/x?key=k" })).toThrow(/https address/);
  });
});

describe("DingTalk's robot", () => {
  test("takes a signed Markdown message that calls the persons by their numbers", async () => {
    const server = await robots({ keyword: "火警" });
    const delivery = await bench(configOf("dingtalk", server.origin)).try();
    expect(delivery).toEqual({ ok: true, receipt: "code 0 ok" });
    const { markdown, at } = bodyOf(server) as { markdown: { title: string; text: string }; at: object };
    expect(at).toEqual({ atMobiles: ["13800138000", "13900139000"], isAtAll: false });
    expect(markdown.title).toBe("【紧急】3栋1单元 2层 火警");
    expect(markdown.text).toMatch(/^### 【紧急】3栋1单元 2层 火警\n/);
    expect(markdown.text).toContain("第1级推送 · 2026-11-24 08:00:05 · 金水湾小区 b3-u1");
    expect(markdown.text.indexOf("拨打119")).toBeLessThan(markdown.text.indexOf("call 119"));
    expect(markdown.text).toMatch(/@13800138000 @13900139000$/);
  });

  test("refuses a wrong key for good, and for now where our own clock is not set", async () => {
    const server = await robots();
    const config = configOf("dingtalk", server.origin, { secret: "SECanother-secret" });
    expect(isFailure(await bench(config).try())).toMatchObject({
      transient: false,
      detail: expect.stringContaining("310000"),
    });
    const clock = new HurriedClock();
    clock.state = "unsynchronised";
    expect(isFailure(await bench(config, clock).try()).transient).toBe(true);
  });

  test("is left alone for a minute when it says that it gets too much", async () => {
    const server = await robots({ perMinute: 1 });
    const b = bench(configOf("dingtalk", server.origin));
    expect((await b.try()).ok).toBe(true);
    expect(isFailure(await b.try())).toMatchObject({ transient: true, retryAfterMs: 60_000 });
  });
});

describe("WeCom's robot", () => {
  test("calls persons by a text message, since its Markdown cannot", async () => {
    const server = await robots();
    expect((await bench(configOf("wecom", server.origin)).try()).ok).toBe(true);
    expect(bodyOf(server)).toMatchObject({
      msgtype: "text",
      text: { mentioned_mobile_list: ["13800138000", "13900139000"] },
    });
  });

  test("gets Markdown where nobody is to be called", async () => {
    const server = await robots();
    expect((await bench({ ...configOf("wecom", server.origin), mention: "none" } as never).try()).ok).toBe(true);
    expect(bodyOf(server)).toMatchObject({ msgtype: "markdown" });
  });

  test("takes the longest story, cut at a character, with the head, the facts and the link still there", async () => {
    const server = await robots();
    const long = { zh: "热".repeat(9000), en: "hot ".repeat(9000) };
    for (const mention of ["persons", "none"]) {
      const b = bench({ ...configOf("wecom", server.origin), mention } as never);
      const delivery = await b.try(push({ alarm: { ...fire, explanation: long } }));
      expect(delivery).toMatchObject({ ok: true });
      const text = server.taken.at(-1)?.text ?? "";
      expect(text).toContain("3栋1单元 2层 火警");
      expect(text).toContain("Fire, block 3");
      expect(text).toContain("https://gw.site.example/alarms/alarm-0123456789");
      expect(text).not.toContain("\ufffd");
    }
  });

  test("is tried again later when it says 45009, and not with a wrong key", async () => {
    const server = await robots({ perMinute: 0 });
    expect(isFailure(await bench(configOf("wecom", server.origin)).try())).toMatchObject({
      transient: true,
      retryAfterMs: 60_000,
    });
    const wrong = bench(configOf("wecom", server.origin, { token: "no-such-key-0123456" }));
    expect(isFailure(await wrong.try())).toMatchObject({ transient: false, detail: expect.stringContaining("93000") });
  });
});

describe("Feishu's robot", () => {
  test("takes a signed card of plain text, red for what is critical, with a button to the alarm", async () => {
    const server = await robots({ keyword: "火警" });
    expect(await bench(configOf("feishu", server.origin)).try()).toEqual({ ok: true, receipt: "code 0 success" });
    expect(bodyOf(server)).toMatchObject({
      msg_type: "interactive",
      card: {
        header: { template: "red", title: { tag: "plain_text", content: "【紧急】3栋1单元 2层 火警" } },
        elements: [{ text: { tag: "plain_text" } }, { tag: "action", actions: [{ url: push().link }] }],
      },
    });
  });

  test("says 9499 for a bad request and for too many: only the second may pass", async () => {
    const server = await robots();
    const b = bench(configOf("feishu", server.origin));
    const answers = (msg: string) => ({ status: 400, body: JSON.stringify({ code: 9499, msg, data: {} }) });
    server.faults = { answers: answers("too many request") };
    expect(isFailure(await b.try()).transient).toBe(true);
    server.faults = { answers: answers("Bad Request") };
    expect(isFailure(await b.try()).transient).toBe(false);
  });

  test.each([
    ["a wrong key", { secret: "another" }, "19021"],
    ["a wrong address", { token: "another-token-0123456789" }, "19001"],
  ])("refuses %s for good, and says what to do", async (_, more, code) => {
    const server = await robots();
    expect(isFailure(await bench(configOf("feishu", server.origin, more)).try())).toMatchObject({
      transient: false,
      detail: expect.stringContaining(code),
    });
  });
});

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
