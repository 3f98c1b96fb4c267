import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { channelSchema } from "../../gateway/alarms/channels/channels.ts";
import { type Mail, type MailFaults, MailServer, type MailSettings } from "../../simulators/channels/mail-server.ts";
import { freePort } from "../support/free-port.ts";
import { ended } from "../support/mosquitto.ts";
import { bench, certificate, fire, HurriedClock, isFailure, li, push, wang } from "./channels-fixture.ts";

const { ca, ...own } = certificate();
const password = "canary-password-0123";
const account = { username: "gw-01", password };

const open: { close(): Promise<unknown> | unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function mailServer(settings: Partial<MailSettings> = {}, faults: MailFaults = {}): Promise<MailServer> {
  const server = await MailServer.open({ tls: "implicit", certificate: own, account, ...settings });
  server.faults = faults;
  open.push(server);
  return server;
}

type Config = z.input<typeof channelSchema>;
function config(port: number, more: object = {}): Config {
  return { id: "mail", type: "email", host: "127.0.0.1", port, from: "gw@site.example", ca, ...account, ...more };
}

/** The decoded parts of a message; a reader of our own, as far as these messages go. */
function read({ source }: Mail) {
  const [head = ""] = source.split("\r\n\r\n", 1);
  const headers = head.replace(/\r\n[ \t]+/g, " ");
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(headers)?.[1] ?? "";
  const words = header("Subject").replace(/=\?UTF-8\?(B|Q)\?([^?]*)\?=\s*/gi, (_, kind, text) =>
    kind.toUpperCase() === "B"
      ? Buffer.from(text, "base64").toString("utf8")
      : decodeURIComponent(text.replace(/_/g, " ").replace(/=/g, "%")),
  );
  const part = (type: string) => {
    const at = source.indexOf(`Content-Type: ${type}`);
    const [partHead = "", ...rest] = source.slice(at).split("\r\n\r\n");
    const body = rest.join("\r\n\r\n").split("\r\n--")[0] ?? "";
    return /base64/i.test(partHead)
      ? Buffer.from(body, "base64").toString("utf8")
      : decodeURIComponent(
          body
            .replace(/=\r\n/g, "")
            .replace(/%/g, "%25")
            .replace(/=([0-9A-F]{2})/g, "%$1"),
        );
  };
  return { header, subject: words, text: part("text/plain"), html: part("text/html") };
}

describe("e-mail", () => {
  test("goes to all who have an address, in one message over TLS", async () => {
    const server = await mailServer();
    const delivery = await bench(config(server.port)).try();
    expect(delivery).toEqual({ ok: true, receipt: "250 queued as 1" });
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]).toMatchObject({
      from: "gw@site.example",
      to: ["li@site.example", "wang@site.example"],
      secured: true,
      account: "gw-01",
    });
  });

  test("says in Chinese, then in English, what was seen and what to do, as text and as HTML", async () => {
    const server = await mailServer();
    await bench(config(server.port)).try();
    const [mail] = server.mails;
    if (mail === undefined) throw new Error("no mail");
    const { subject, text, html, header } = read(mail);
    expect(subject).toBe("【紧急】3栋1单元 2层 火警");
    expect(text).toContain("第1级推送 · 2026-11-24 08:00:05");
    expect(text.indexOf("拨打119")).toBeGreaterThan(0);
    expect(text.indexOf("拨打119")).toBeLessThan(text.indexOf("call 119"));
    expect(html).toContain('<a href="https://gw.site.example/alarms/alarm-0123456789">');
    expect(header("Auto-Submitted")).toBe("auto-generated");
    expect(header("X-Zhian-Exercise")).toBe("no");
  });

  test("has the same Message-ID in every try of a push, and another in another push", async () => {
    const server = await mailServer();
    const b = bench(config(server.port));
    await b.try();
    await b.try();
    await b.try(push({ id: "push-2" }));
    const ids = server.mails.map((mail) => read(mail).header("Message-ID"));
    expect(ids[0]).toMatch(/^<[0-9a-f]{32}@site\.example>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test("says first that an exercise is one, and lets no name be a tag or a header", async () => {
    const server = await mailServer();
    const evil = '<script>alert("1")</script>\r\nBcc: all@evil.example\r\n.\r\n';
    const message = push({
      exercise: true,
      title: { zh: evil, en: evil },
      alarm: { ...fire, explanation: { zh: evil, en: evil } },
    });
    expect((await bench(config(server.port)).try(message)).ok).toBe(true);
    expect(server.mails[0]?.to).toEqual(["li@site.example", "wang@site.example"]);
    const [mail] = server.mails;
    if (mail === undefined) throw new Error("no mail");
    const { subject, html, header } = read(mail);
    expect(subject).toMatch(/^【演练 EXERCISE】/);
    expect(header("X-Zhian-Exercise")).toBe("yes");
    expect(header("Bcc")).toBe("");
    expect(html).not.toContain("<script>");
  });

  test("goes by STARTTLS, and not at all where the server offers none", async () => {
    const willing = await mailServer({ tls: "starttls" });
    expect((await bench(config(willing.port, { tls: "starttls" })).try()).ok).toBe(true);
    expect(willing.mails[0]?.secured).toBe(true);
    const unwilling = await mailServer({ tls: "none" });
    expect(isFailure(await bench(config(unwilling.port, { tls: "starttls" })).try()).transient).toBe(false);
    expect(unwilling.mails).toEqual([]);
  });

  test("does without TLS only where it is told to, and never with a password over a network", async () => {
    const server = await mailServer({ tls: "none", account: undefined } as never);
    const plain = { tls: "none", username: undefined, password: undefined };
    expect((await bench(config(server.port, plain)).try()).ok).toBe(true);
    expect(() => bench(config(25, { tls: "none", host: "10.0.0.1" }))).toThrow(/for all to read/);
  });

  test("refuses a certificate that cannot be traced before it says anything", async () => {
    for (const tls of ["implicit", "starttls"] as const) {
      const server = await mailServer({ tls });
      const failure = isFailure(await bench(config(server.port, { tls, ca: undefined })).try());
      expect(failure).toMatchObject({
        transient: false,
        detail: expect.stringContaining("the certificate of 127.0.0.1"),
      });
      expect(server.mails).toEqual([]);
    }
  });

  test("is not tried where nobody has an address", async () => {
    const server = await mailServer();
    const { email: _, ...unreachable } = li;
    expect(isFailure(await bench(config(server.port)).try(push({ to: [unreachable] }))).transient).toBe(false);
  });

  test("tells how many of the addresses were taken", async () => {
    const server = await mailServer({}, { refusesRecipient: { "li@site.example": "550 no such user" } });
    expect(await bench(config(server.port)).try()).toEqual({ ok: true, receipt: "1 of 2 addresses: 250 queued as 1" });
    expect(server.mails[0]?.to).toEqual([wang.email]);
  });

  test("keeps the password and the addresses out of what it tells, though the server quotes them", async () => {
    const server = await mailServer({ account: { ...account, password: "another" } });
    const quoting = await mailServer({}, { answers: { ".": `250 for li@site.example with ${password}` } });
    for (const { port } of [server, quoting]) {
      const b = bench(config(port));
      const told = JSON.stringify([await b.try(), b.log]);
      expect(told).not.toContain(password);
      expect(told).not.toContain("li@");
    }
    expect(isFailure(await bench(config(server.port)).try())).toMatchObject({
      transient: false,
      detail: "127.0.0.1 does not accept our account (535)",
    });
  });

  const table: [string, MailFaults, boolean][] = [
    ["a greeting that never comes", { silent: true }, true],
    ["a server that hangs at MAIL", { hangsAt: "MAIL" }, true],
    ["a server that hangs at DATA", { hangsAt: "DATA" }, true],
    ["a connection cut at RCPT", { cutsAt: "RCPT" }, true],
    ["a connection cut at DATA", { cutsAt: "DATA" }, true],
    ["answers without end", { endless: true }, true],
    ["a full mailbox", { answers: { RCPT: "452 4.2.2 mailbox full" } }, true],
    ["an unknown recipient", { answers: { RCPT: "550 5.1.1 no such user" } }, false],
    ["a server that is busy", { answers: { MAIL: "421 4.3.2 too busy" } }, true],
    ["a sender that is not allowed", { answers: { MAIL: "553 5.7.1 not yours" } }, false],
    ["a message that is refused", { answers: { ".": "554 5.7.1 spam" } }, false],
    ["a message that is put off", { answers: { ".": "451 4.7.1 greylisted" } }, true],
    ["an account that is not looked up now", { answers: { AUTH: "454 4.7.0 try later" } }, true],
    ["noise", { answers: { EHLO: "\u0000\u00ff~~ 12", HELO: "\u0000~~" } }, true],
  ];
  test.each(table)("meets %s", async (_, faults, transient) => {
    const server = await mailServer({}, faults);
    const delivery = isFailure(await bench(config(server.port), new HurriedClock(40)).try());
    expect(delivery.transient, delivery.detail).toBe(transient);
    expect(server.mails).toEqual([]);
  });

  test("meets a closed port, a name that nobody knows, and a port without TLS", async () => {
    const port = await freePort();
    expect(isFailure(await bench(config(port)).try())).toMatchObject({
      transient: true,
      detail: expect.stringContaining("refuses the connection"),
    });
    expect(isFailure(await bench(config(465, { host: "no-such-host.invalid" })).try()).transient).toBe(true);
    const plain = await mailServer({ tls: "none" });
    expect(isFailure(await bench(config(plain.port), new HurriedClock(40)).try()).transient).toBe(false);
  });

  test("is given up at once when the gateway says so", async () => {
    const server = await mailServer({}, { hangsAt: "MAIL" });
    const ending = new AbortController();
    const trying = bench(config(server.port)).try(push(), ending.signal);
    const begun = performance.now();
    setTimeout(() => ending.abort(), 100);
    expect(isFailure(await trying)).toEqual({ ok: false, transient: true, detail: "given up by the gateway" });
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});

const aiosmtpd = `
import sys, json
from email import policy
from email.parser import BytesParser
from aiosmtpd.controller import Controller
class Taker:
    async def handle_DATA(self, server, session, envelope):
        m = BytesParser(policy=policy.default).parsebytes(envelope.content)
        print(json.dumps({"to": envelope.rcpt_tos, "subject": m["subject"], "id": m["message-id"], "defects": [str(d) for d in m.defects],
            "text": m.get_body(("plain",)).get_content(), "html": m.get_body(("html",)).get_content()}), flush=True)
        return "250 taken"
c = Controller(Taker(), hostname="127.0.0.1", port=int(sys.argv[1])); c.start()
print("ready", flush=True)
sys.stdin.read()
c.stop()
`;

describe("a mail server that is not ours (aiosmtpd)", () => {
  test("takes the message, and Python's parser reads what was said without a defect", async () => {
    const port = await freePort();
    const child: ChildProcess = spawn("/usr/bin/python3", ["-c", aiosmtpd, String(port)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    open.push({ close: () => ended(child) });
    if (child.stdout === null) throw new Error("no output");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => (await lines.next()).value ?? "";
    await next();
    const plain = { tls: "none", username: undefined, password: undefined };
    expect(await bench(config(port, plain)).try(push({ exercise: true }))).toEqual({ ok: true, receipt: "250 taken" });
    const taken = JSON.parse(await next());
    expect(taken).toMatchObject({
      to: ["li@site.example", "wang@site.example"],
      subject: "【演练 EXERCISE】【紧急】3栋1单元 2层 火警",
      defects: [],
    });
    expect(taken.text).toContain("拨打119");
    expect(taken.html).toContain("call 119");
  });
});
