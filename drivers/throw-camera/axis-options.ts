import { z } from "zod";
import { keepAlive, lateAfter, mqttAccount, topicSchema, viewProfile } from "../json-events/client-options.ts";
import { eventsSchema } from "../json-events/event-rules.ts";

export const axisOptions = z
  .strictObject({
    ...mqttAccount,
    serial: z
      .string("text in quotes, so that no leading zero is lost")
      .regex(/^[A-Za-z0-9-]{1,32}$/, "the serial number of the device")
      .describe("Serial number, by which the camera's topics begin."),
    topicPrefix: topicSchema
      .default("axis/{serial}")
      .describe("deviceTopicPrefix as set in the camera's MQTT client; {serial} is filled in."),
    events: eventsSchema.min(1, "at least one entry: what the camera reports is its application's own topic"),
    keepAlive,
    lateAfter,
    profile: viewProfile,
  })
  .transform((given) => ({ ...given, topicPrefix: given.topicPrefix.replaceAll("{serial}", given.serial) }));
export type AxisOptions = z.output<typeof axisOptions>;
