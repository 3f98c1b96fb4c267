import { createHmac } from "node:crypto";
import { z } from "zod";
import { authoritySchema, keysOf, safeAddressSchema } from "./address.ts";
import { cutBytes } from "./cut.ts";
import { markdownOf, plain } from "./markdown.ts";
import { mentionSchema, mobilesOf, type RobotCodes, tell } from "./robot.ts";
import { type ChannelContext, channelIdSchema, type Sender } from "./sender.ts";
import { wordsOf } from "./words.ts";

export const dingtalkSchema = z.strictObject({
  id: channelIdSchema,
  type: z.literal("dingtalk").describe("A group's custom robot of DingTalk (钉钉自定义机器人)."),
  url: safeAddressSchema.describe("The robot's whole address with its access_token, as DingTalk shows it."),
  secret: z.string().min(1).optional().describe("Key of the robot's signature (加签), beginning with SEC."),
  mention: mentionSchema,
  ca: authoritySchema,
});

/** Sources: docs/channels.md. */
const codes: RobotCodes = {
  later: { [-1]: undefined, 130101: 60_000, 410100: 60_000 },
  clock: new Set([310000]),
  hints: {
    310000: "the robot's keyword, signature key or address list does not match",
    300001: "the access_token in the address is wrong",
    400013: "the group was dissolved",
    400101: "the access_token in the address is wrong",
    400102: "the robot was stopped",
    430101: "DingTalk objects to the link in it",
    430102: "DingTalk objects to a word in it",
  },
};
const maxTitleBytes = 120;
/** Below every limit that DingTalk was seen to set on a Markdown text. */
const maxTextBytes = 5000;

/** `{url}&timestamp=…&sign=…`: base64 of HMAC-SHA256 over `timestamp\nsecret`, keyed by the secret; time in ms. */
function signedAddress(url: string, secret: string | undefined, nowMs: number): string {
  if (secret === undefined) return url;
  const target = new URL(url);
  target.searchParams.set("timestamp", String(nowMs));
  target.searchParams.set("sign", createHmac("sha256", secret).update(`${nowMs}\n${secret}`).digest("base64"));
  return target.href;
}

export function openDingtalk(config: z.infer<typeof dingtalkSchema>, context: ChannelContext): Sender {
  const { url, secret, mention, ca } = config;
  return {
    secrets: [secret ?? "", ...keysOf(url)],
    send(message, signal) {
      const words = wordsOf(message, context);
      const atMobiles = mention === "persons" ? mobilesOf(message.to) : [];
      const calls = atMobiles.map((mobile) => `@${mobile}`).join(" ");
      const body = {
        msgtype: "markdown",
        // A number in atMobiles is called only where it stands in the text too.
        markdown: { title: cutBytes(plain(words.head), maxTitleBytes), text: markdownOf(words, maxTextBytes, calls) },
        at: { atMobiles, isAtAll: mention === "all" },
      };
      return tell({ url: signedAddress(url, secret, context.clock.wall()), body, ca, signal }, codes, context);
    },
    close: () => Promise.resolve(),
  };
}
