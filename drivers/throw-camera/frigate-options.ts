import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import { lateAfter, mqttAccount, topicSchema, viewProfile } from "../json-events/client-options.ts";

const name = z.string("text").min(1, "a name").max(64, "at most 64 characters");

export const frigateOptions = z.strictObject({
  ...mqttAccount,
  topicPrefix: topicSchema.default("frigate").describe("topic_prefix in Frigate's mqtt section."),
  camera: name
    .regex(/^[A-Za-z0-9_-]+$/, "a camera's name of letters, digits, _ and -")
    .describe("The camera's name in Frigate's configuration."),
  labels: z
    .array(name)
    .min(1, "at least one label")
    .max(16, "at most 16 labels")
    .describe(
      "Labels that mean a thrown object. No model that comes with Frigate has one: it is the label of your own model.",
    ),
  minScore: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("An object whose top_score is lower is not reported yet; Frigate's own threshold comes before this."),
  zones: z
    .array(name)
    .min(1, "at least one zone")
    .max(32)
    .optional()
    .describe("Frigate's zones of which the object must have entered one."),
  detect: z
    .strictObject({
      width: z.number().int().positive().describe("detect.width of the camera in Frigate, px."),
      height: z
        .number()
        .int()
        .positive()
        .describe("detect.height. Without both, boxes are left out: they are in pixels."),
    })
    .optional()
    .describe(
      "detect.width and detect.height of the camera in Frigate. Without them boxes, which are in pixels, are left out.",
    ),
  statsEvery: durationSchema
    .refine((ms) => ms >= 15_000 && ms <= 3_600_000, "15s to 1h")
    .prefault("60s")
    .describe(
      "stats_interval in Frigate's mqtt section: the camera's sign of life. Three of them missed count as gone.",
    ),
  lateAfter,
  profile: viewProfile,
});
export type FrigateOptions = z.output<typeof frigateOptions>;
