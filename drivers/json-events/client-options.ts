import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";

const topicWords = "an MQTT topic without wildcards (+ #), without a leading / or $, and without a trailing /";

/** A literal topic, or what a topic begins with. */
export const topicSchema = z
  .string(topicWords)
  .max(256, "a topic of at most 256 characters")
  .regex(/^[^+#/$\0][^+#\0]*$/, topicWords)
  .refine((value) => !value.endsWith("/"), topicWords);

/** How a device signs in to the embedded broker. */
export const mqttAccount = {
  username: z
    .string("text")
    .min(1, "a user name")
    .max(128, "at most 128 characters")
    .describe("MQTT user name of this device."),
  password: z
    .string("text")
    .min(1, "a password")
    .max(256, "at most 256 characters")
    .describe("MQTT password of this device."),
};

/** MQTT 3.1.1 §3.1.2.10. */
export const keepAlive = durationSchema
  .refine((ms) => ms >= 5000 && ms <= 65_535_000, "5s to 18h")
  .prefault("60s")
  .describe("The keep-alive as set in the device's MQTT client. Silence of three times this counts as gone.");

export const lateAfter = durationSchema
  .refine((ms) => ms >= 5000 && ms <= 86_400_000, "5s to 24h")
  .prefault("60s")
  .describe(
    "Events older than this that come within a minute of the device's connecting were kept back while it was cut off: they are stored and raise no alarm.",
  );

/** Three keep-alives missed, and some seconds for a slow network. */
export function silenceAfter(keepAliveMs: number): number {
  return 3 * keepAliveMs + 5000;
}

export const viewProfile = z
  .string("text")
  .min(1, "the name of a profile or the path of one")
  .optional()
  .describe("What this camera sees: name of a built-in view profile or path of one, by which a throw is located.");
