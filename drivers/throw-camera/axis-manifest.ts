import { z } from "zod";
import { defineDriver } from "../../gateway/ports/driver.ts";
import {
  keepAlive,
  lateAfter,
  mqttAccount,
  silenceAfter,
  topicSchema,
  viewProfile,
} from "../json-events/client-options.ts";
import { eventsSchema } from "../json-events/event-rules.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";

const axisOptions = z
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

export const throwCameraAxisMqtt = defineDriver<AxisOptions>({
  driver: "throw-camera",
  dialect: "axis-mqtt",
  title: { zh: "高空抛物相机（安讯士 MQTT 事件桥）", en: "High-altitude-throw camera (Axis MQTT event bridge)" },
  options: axisOptions,
  mqtt: ({ username, password, topicPrefix }) => ({
    username,
    password,
    publish: [],
    // Its connect and disconnect messages and its last will lie below the prefix too.
    publishBelow: [`${topicPrefix}/`],
    subscribe: [],
  }),
  profile: ({ profile }) => profile,
  profileSchema: viewProfileSchema,
  silentAfterMs: (options) => silenceAfter(options.keepAlive),
  load: () => import("./axis-mqtt.ts"),
});
