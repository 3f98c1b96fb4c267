import { createHmac } from "node:crypto";
import { z } from "zod";
import type { PushMessage } from "../../ports/push.ts";
import { authoritySchema, isSafe, keysOf, webAddressSchema } from "./address.ts";
import { post, statusFailure } from "./post.ts";
import { type ChannelContext, channelIdSchema, type Sender } from "./sender.ts";

const ownHeaders = /^(host|content-.*|transfer-encoding|connection|x-zhian-.*)$/i;

export const webhookSchema = z
  .strictObject({
    id: channelIdSchema,
    type: z.literal("webhook").describe("JSON to an address of yours, signed."),
    url: webAddressSchema.describe("Where to post. A redirection is not followed."),
    secret: z
      .string()
      .min(16, "at least 16 characters")
      .optional()
      .describe("Key of the signature in X-Zhian-Signature, see docs/channels.md. Without it nothing is signed."),
    headers: z
      .record(
        z.string().regex(/^[A-Za-z0-9-]+$/, "a header's name"),
        z.string().regex(/^[\t\x20-\x7e]*$/, "printable ASCII"),
      )
      .refine((headers) => Object.keys(headers).every((name) => !ownHeaders.test(name)), "headers that are not ours")
      .default({})
      .describe("Sent beside ours, for example Authorization. Their values are kept out of logs."),
    ca: authoritySchema,
    plaintext: z
      .boolean()
      .default(false)
      .describe("Allows http beyond this machine: everybody on the way can read alarms and forge answers."),
  })
  .refine((webhook) => webhook.plaintext || isSafe(webhook.url), {
    error: "an https address, or plaintext: true",
    path: ["url"],
  });

/** The body of a webhook. `to` has ids: names, numbers and addresses of persons stay here. */
function bodyOf({ id, alarm, title, tier, exercise, link, to }: PushMessage): string {
  return JSON.stringify({ id, alarm, title, tier, exercise, link, to: to.map((person) => person.id) });
}

/** What stands in X-Zhian-Signature: HMAC-SHA256 over the timestamp header, a dot and the body, in hex. */
function sign(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

/** A 2xx is the receipt, whatever comes after its head. */
export function openWebhook(config: z.infer<typeof webhookSchema>, { clock }: ChannelContext): Sender {
  const { url, secret, headers, ca } = config;
  return {
    secrets: [secret ?? "", ...Object.values(headers), ...keysOf(url)],
    async send(message, signal) {
      const body = bodyOf(message);
      const timestamp = String(Math.floor(clock.wall() / 1000));
      const answer = await post({
        url,
        body,
        ca,
        clock,
        signal,
        headers: {
          ...headers,
          "x-zhian-id": message.id,
          "x-zhian-timestamp": timestamp,
          ...(secret === undefined ? {} : { "x-zhian-signature": sign(secret, timestamp, body) }),
        },
      });
      if ("ok" in answer) return answer;
      if (answer.status < 200 || answer.status >= 300) return statusFailure(answer, clock);
      const request = answer.header("x-request-id");
      return { ok: true, receipt: request === undefined ? `${answer.status}` : `${answer.status} ${request}` };
    },
    close: () => Promise.resolve(),
  };
}
