import { z } from "zod";
import { keepAlive, lateAfter, mqttAccount, topicSchema, viewProfile } from "../json-events/client-options.ts";
import { eventsSchema } from "../json-events/event-rules.ts";

export const onvifOptions = z.strictObject({
  ...mqttAccount,
  topicPrefix: topicSchema.describe("TopicPrefix as set in the camera's event broker; often its MAC address or name."),
  events: eventsSchema.min(1, "at least one entry: what the camera reports is the maker's own topic"),
  keepAlive,
  lateAfter,
  profile: viewProfile,
});
export type OnvifOptions = z.output<typeof onvifOptions>;
