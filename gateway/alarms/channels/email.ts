import { createHash } from "node:crypto";
import { z } from "zod";
import type { Delivery, PushMessage } from "../../ports/push.ts";
import { authoritySchema } from "./address.ts";
import { cutBytes } from "./cut.ts";
import { plainOf } from "./markdown.ts";
import { networkFailure } from "./post.ts";
import { type ChannelContext, channelIdSchema, failed, type Sender } from "./sender.ts";
import { type Words, wordsOf } from "./words.ts";

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;
const usualPorts = { implicit: 465, starttls: 587, none: 25 } as const;

export const emailSchema = z
  .strictObject({
    id: channelIdSchema,
    type: z.literal("email").describe("E-mail to those of the tier who have an address."),
    host: z.string().min(1).max(253).describe("The SMTP server that takes our mail."),
    port: z.number().int().min(1).max(65_535).optional().describe("By default 465, 587 or 25, as `tls` says."),
    tls: z
      .enum(["implicit", "starttls", "none"])
      .default("implicit")
      .describe("TLS from the first byte, by STARTTLS (mail is refused where the server has none), or none at all."),
    username: z.string().min(1).optional().describe("Account on the server."),
    password: z.string().min(1).optional().describe("Its password. Better kept in a file of its own."),
    from: z.email().describe("Our own address."),
    ca: authoritySchema,
  })
  .refine((email) => (email.username === undefined) === (email.password === undefined), {
    error: "username and password together",
    path: ["password"],
  })
  .refine((email) => email.tls !== "none" || email.password === undefined || loopback.test(email.host), {
    error: "TLS: without it the password goes over the network for all to read",
    path: ["tls"],
  });

type EmailConfig = z.infer<typeof emailSchema>;

/** Each step of the conversation; the whole of it is bounded by the channel. */
const stepWithinMs = 8000;
const maxTextBytes = 20_000;
const maxSubjectBytes = 200;

/** One message to all who have an address, with the same Message-ID in every try of a push. */
export function openEmail(config: EmailConfig, context: ChannelContext): Sender {
  return {
    secrets: [config.password ?? ""],
    async send(message, signal) {
      const to = [...new Set(message.to.flatMap(({ email }) => (email === undefined ? [] : [email])))];
      if (to.length === 0) return failed(false, "nobody in this tier has an e-mail address");
      if (signal.aborted) return failed(true, "given up by the gateway");
      const transport = await connect(config);
      // @types/nodemailer does not know `signal` yet (nodemailer 10.5).
      const mail = { ...mailOf(config, message, to, context), signal };
      try {
        const { accepted, response } = await transport.sendMail(mail);
        const share = accepted.length === to.length ? "" : `${accepted.length} of ${to.length} addresses: `;
        return { ok: true, receipt: `${share}${response}` };
      } catch (error) {
        return signal.aborted ? failed(true, "given up by the gateway") : failureOf(error, config.host, context);
      } finally {
        transport.close();
      }
    },
    close: () => Promise.resolve(),
  };
}

async function connect({ host, port, tls, username, password, ca }: EmailConfig) {
  const { createTransport } = await import("nodemailer");
  return createTransport({
    host,
    port: port ?? usualPorts[tls],
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? "" } }),
    tls: { rejectUnauthorized: true, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: stepWithinMs,
    greetingTimeout: stepWithinMs,
    socketTimeout: stepWithinMs,
    dnsTimeout: stepWithinMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}

function mailOf({ from }: EmailConfig, message: PushMessage, to: string[], context: ChannelContext) {
  const words = wordsOf(message, context);
  const urgent = message.alarm.severity === "critical" || message.alarm.severity === "major";
  return {
    from,
    to,
    subject: cutBytes(words.head, maxSubjectBytes),
    messageId: messageIdOf(message.id, from),
    date: new Date(context.clock.wall()),
    text: plainOf(words, maxTextBytes),
    html: htmlOf(words),
    ...(urgent ? { priority: "high" as const } : {}),
    // RFC 3834 §5: keeps holiday notices from answering.
    headers: { "Auto-Submitted": "auto-generated", "X-Zhian-Exercise": message.exercise ? "yes" : "no" },
  };
}

/** The same for every try of a push, so that a mailbox which got it twice can tell (RFC 5322 §3.6.4). */
function messageIdOf(pushId: string, from: string): string {
  const name = createHash("sha256").update(pushId).digest("hex").slice(0, 32);
  return `<${name}@${from.split("@").at(-1) ?? "localhost"}>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function htmlOf({ head, headEn, facts, story, link }: Words): string {
  const open = link === undefined ? "" : `<p><a href="${escaped(link)}">打开警情 Open the alarm</a></p>`;
  return [
    `<h2>${escaped(head)}</h2><p>${escaped(facts.zh)}</p><p>${escaped(cutBytes(story.zh, maxTextBytes))}</p>`,
    open,
    `<h3>${escaped(headEn)}</h3><p>${escaped(facts.en)}</p><p>${escaped(cutBytes(story.en, maxTextBytes))}</p>`,
  ].join("\n");
}

/** nodemailer's own code, and beneath it that of the socket or of TLS. */
const smtpErrorSchema = z.object({
  code: z.string().optional().catch(undefined),
  originalCode: z.string().optional().catch(undefined),
  responseCode: z.number().optional().catch(undefined),
});

/** By the server's code where it gave one (RFC 5321 §4.2.1: 4yz later, 5yz never), else by where it failed. */
function failureOf(error: unknown, host: string, { clock }: ChannelContext): Delivery {
  const { code, originalCode, responseCode } = smtpErrorSchema.catch({}).parse(error);
  if (responseCode !== undefined) {
    const what = code === "EAUTH" ? "does not accept our account" : "does not take the message";
    return failed(responseCode < 500, `${host} ${what} (${responseCode})`);
  }
  if (originalCode !== undefined) return networkFailure(host, originalCode, clock);
  switch (code) {
    case "EAUTH":
      return failed(false, `${host} does not accept our account`);
    case "ETLS":
      return failed(false, `${host} offers no TLS that may be used`);
    case "EENVELOPE":
      return failed(false, `${host} is given an address that is none`);
    case "EPROTOCOL":
      return failed(true, `${host} does not answer as a mail server does`);
    case "ETIMEDOUT":
      return failed(true, `${host} did not answer in time`);
    default:
      return networkFailure(host, code ?? "unknown", clock);
  }
}
