import { z } from "zod";
import { authoritySchema, keysOf, safeAddressSchema } from "./address.ts";
import { markdownOf, plainOf } from "./markdown.ts";
import { mentionSchema, mobilesOf, type RobotCodes, tell } from "./robot.ts";
import { type ChannelContext, channelIdSchema, type Sender } from "./sender.ts";
import { wordsOf } from "./words.ts";

export const wecomSchema = z.strictObject({
  id: channelIdSchema,
  type: z.literal("wecom").describe("A group's robot of WeCom (企业微信群机器人)."),
  url: safeAddressSchema.describe("The robot's whole address with its key, as WeCom shows it."),
  mention: mentionSchema,
  ca: authoritySchema,
});

/** Sources: docs/channels.md. */
const codes: RobotCodes = {
  later: { [-1]: undefined, 45009: 60_000, 45033: undefined, 6000: undefined },
  clock: new Set(),
  hints: {
    93000: "the key in the address is wrong, or the robot was removed",
    93008: "the robot is not in the group any more",
    40058: "WeCom objects to the form of the message",
  },
};
const maxMarkdownBytes = 4096;
const maxTextBytes = 2048;

/** Only plain text can call people by their numbers; where nobody is to be called it is Markdown. */
export function openWecom(config: z.infer<typeof wecomSchema>, context: ChannelContext): Sender {
  const { url, mention, ca } = config;
  return {
    secrets: keysOf(url),
    send(message, signal) {
      const words = wordsOf(message, context);
      const called = mention === "persons" ? mobilesOf(message.to) : mention === "all" ? ["@all"] : [];
      const body =
        called.length === 0
          ? { msgtype: "markdown", markdown: { content: markdownOf(words, maxMarkdownBytes) } }
          : { msgtype: "text", text: { content: plainOf(words, maxTextBytes), mentioned_mobile_list: called } };
      return tell({ url, body, ca, signal }, codes, context);
    },
    close: () => Promise.resolve(),
  };
}
