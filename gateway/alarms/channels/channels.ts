import { z } from "zod";
import type { Channel, Delivery, PushMessage } from "../../ports/push.ts";
import { dingtalkSchema, openDingtalk } from "./dingtalk.ts";
import { emailSchema, openEmail } from "./email.ts";
import { feishuSchema, openFeishu } from "./feishu.ts";
import { redactor } from "./redact.ts";
import { type ChannelContext, failed, type Sender } from "./sender.ts";
import { openSms, smsSchema } from "./sms.ts";
import { openWebhook, webhookSchema } from "./webhook.ts";
import { openWecom, wecomSchema } from "./wecom.ts";

/** One channel as the configuration describes it. */
export const channelSchema = z.discriminatedUnion("type", [
  webhookSchema,
  dingtalkSchema,
  wecomSchema,
  feishuSchema,
  emailSchema,
  smsSchema,
]);
export type ChannelConfig = z.infer<typeof channelSchema>;

/** One try takes no longer: below the 30 s that the port promises. */
const tryWithinMs = 28_000;
/** Receipts and details are for one line of a page. */
const maxWords = 500;

/** Opens nothing that can fail: what is wrong with the other side shows in the deliveries. */
export function openChannel(config: ChannelConfig, context: ChannelContext): Channel {
  const logger = context.logger.child({ channel: config.id, type: config.type });
  const sender = openSender(config, { ...context, logger });
  return {
    id: config.id,
    async push(message, signal) {
      const delivery = await bounded(sender, message, signal, { ...context, logger });
      // What the other side answers may quote its recipients.
      const persons = message.to.flatMap(({ phone = "", email = "" }) => [phone, phone.replace(/^\+(86)?/, ""), email]);
      const redact = redactor([...sender.secrets, ...persons]);
      const clean = (text: string) => redact(text).slice(0, maxWords).toWellFormed();
      const result = delivery.ok ? "received" : delivery.transient ? "transient" : "permanent";
      context.telemetry.count("zhian_channel_tries_total", { channel: config.id, result });
      return delivery.ok
        ? { ...delivery, receipt: clean(delivery.receipt) }
        : { ...delivery, detail: clean(delivery.detail) };
    },
    close: () => sender.close(),
  };
}

function openSender(config: ChannelConfig, context: ChannelContext): Sender {
  switch (config.type) {
    case "webhook":
      return openWebhook(config, context);
    case "dingtalk":
      return openDingtalk(config, context);
    case "wecom":
      return openWecom(config, context);
    case "feishu":
      return openFeishu(config, context);
    case "email":
      return openEmail(config, context);
    case "sms":
      return openSms(config, context);
  }
}

function bounded(
  sender: Sender,
  message: PushMessage,
  signal: AbortSignal,
  { clock, logger }: ChannelContext,
): Promise<Delivery> {
  const ending = new AbortController();
  const end = () => ending.abort();
  return new Promise((resolve) => {
    const settle = (delivery: Delivery) => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve(delivery);
    };
    const cancel = clock.after(tryWithinMs, () => {
      end();
      settle(failed(true, `not done within ${tryWithinMs / 1000} s`));
    });
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    sender.send(message, ending.signal).then(settle, (error: unknown) => {
      // Its message could hold anything, so it is not told; its kind and place are.
      logger.error({ kind: error instanceof Error ? error.name : typeof error }, "a channel broke");
      settle(failed(true, "the channel itself broke"));
    });
  });
}
