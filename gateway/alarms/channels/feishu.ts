import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Severity } from "../../domain/alarm.ts";
import { authoritySchema, keysOf, safeAddressSchema } from "./address.ts";
import { cutBytes } from "./cut.ts";
import { type RobotCodes, tell } from "./robot.ts";
import { type ChannelContext, channelIdSchema, type Sender } from "./sender.ts";
import { compose, type Words, wordsOf } from "./words.ts";

export const feishuSchema = z.strictObject({
  id: channelIdSchema,
  type: z.literal("feishu").describe("A group's custom robot of Feishu or Lark (飞书自定义机器人)."),
  url: safeAddressSchema.describe("The robot's whole address, as Feishu shows it."),
  secret: z.string().min(1).optional().describe("Key of the robot's signature (签名校验)."),
  mention: z
    .enum(["all", "none"])
    .default("none")
    .describe(
      "Whom the message calls by @. Single persons cannot be called: Feishu wants ids that only its own API knows.",
    ),
  ca: authoritySchema,
});

/** Sources: docs/channels.md. */
const codes: RobotCodes = {
  later: { 11232: 60_000, 11233: 60_000, 99991400: 60_000 },
  clock: new Set([19021]),
  hints: {
    19001: "the address is wrong, or the robot was removed",
    19021: "the signature key does not match, or the clock is wrong by more than an hour",
    19022: "this gateway's address is not on the robot's list",
    19024: "the robot wants a keyword that the message does not have",
    19036: "the message is too long",
  },
};
const maxTitleBytes = 200;
/** The whole request may have 20 KB. */
const maxTextBytes = 8000;

const colours: Record<Severity, string> = { critical: "red", major: "orange", minor: "yellow", warning: "blue" };

/** Base64 of HMAC-SHA256 over nothing, keyed by `timestamp\nsecret`; time in seconds. */
function signature(secret: string, timestamp: string): string {
  return createHmac("sha256", `${timestamp}\n${secret}`).digest("base64");
}

/** A card of plain text only, so that nothing in a name is taken for a tag. */
function cardOf(words: Words, severity: Severity, callsAll: boolean): object {
  const content = compose(words, maxTextBytes, ({ zh, en }) =>
    [words.facts.zh, zh, "", words.headEn, words.facts.en, en].join("\n"),
  );
  const link = words.link;
  return {
    config: { wide_screen_mode: true },
    header: { template: colours[severity], title: { tag: "plain_text", content: cutBytes(words.head, maxTitleBytes) } },
    elements: [
      { tag: "div", text: { tag: "plain_text", content } },
      ...(callsAll ? [{ tag: "div", text: { tag: "lark_md", content: "<at id=all></at>" } }] : []),
      ...(link === undefined
        ? []
        : [
            {
              tag: "action",
              actions: [
                { tag: "button", type: "primary", text: { tag: "plain_text", content: "打开警情 Open" }, url: link },
              ],
            },
          ]),
    ],
  };
}

export function openFeishu(config: z.infer<typeof feishuSchema>, context: ChannelContext): Sender {
  const { url, secret, mention, ca } = config;
  return {
    secrets: [secret ?? "", ...keysOf(url)],
    send(message, signal) {
      const timestamp = String(Math.floor(context.clock.wall() / 1000));
      const body = {
        ...(secret === undefined ? {} : { timestamp, sign: signature(secret, timestamp) }),
        msg_type: "interactive",
        card: cardOf(wordsOf(message, context), message.alarm.severity, mention === "all"),
      };
      return tell({ url, body, ca, signal }, codes, context);
    },
    close: () => Promise.resolve(),
  };
}
