import { createHmac } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { RobotServer, type RobotSettings } from "../../simulators/channels/robots.ts";
import { bench, configOf, fire, HurriedClock, isFailure, push, secret, token } from "./channels-fixture.ts";

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
