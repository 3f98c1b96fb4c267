import { z } from "zod";
import { frameSchema } from "../../gateway/domain/observation.ts";
import { conditionsSchema } from "./conditions.ts";

const pathWords = "the name of an item of Source or Data, or a JSON pointer into the payload such as /Data/Object";
const path = z
  .string(pathWords)
  .min(1, pathWords)
  .max(512)
  .regex(/^[^/]|^(\/([^~/]|~[01])*)+$/, pathWords);

const common = {
  topic: z
    .string("an event topic")
    .min(1, "an event topic")
    .max(256, "a topic of at most 256 characters")
    .regex(/^[^\s+#/][^+#\0]*$/, "an event topic without wildcards and without a leading slash")
    .describe("The event's topic as the device publishes it, behind its prefix and before the source."),
  when: conditionsSchema
    .default({})
    .describe("Items and the values they must have (one or a list) for this entry to be meant; all must hold."),
  active: conditionsSchema
    .optional()
    .describe("Items and the values by which the device says that the condition holds, as { State: true }."),
  property: z
    .boolean()
    .optional()
    .describe(
      "True: the topic tells a state again and again, and only its change is news. By default what the RETAIN flag of the message says.",
    ),
};

const corners = z.tuple([path, path, path, path]);
export const eventSchema = z.discriminatedUnion("as", [
  z.strictObject({
    ...common,
    as: z.literal("throw"),
    confidence: z
      .strictObject({ at: path, of: z.number().positive().default(1) })
      .optional()
      .describe("Where the confidence stands, and which value of it is certainty: 1 or 100."),
    box: z
      .union([path, corners])
      .optional()
      .describe(
        "The box: an element with left, top, right and bottom (with or without @), or the places of x1, y1, x2, y2.",
      ),
    frame: frameSchema
      .optional()
      .describe("The coordinates of the box, where they are not those of the standard (-1 to 1, y upwards)."),
    transformation: path
      .optional()
      .describe("A tt:Transformation that belongs to the box: Translate and Scale, each with x and y."),
    region: path
      .optional()
      .describe(
        "The name of the camera's own rule, by which a view profile may place the throw. By default the item Rule.",
      ),
    record: path.optional().describe("The camera's own id of the object or record."),
  }),
  z.strictObject({
    ...common,
    as: z.literal("fire"),
    sensor: z.enum(["smoke", "heat", "flame", "camera", "call-point", "unknown"]).default("camera"),
  }),
  z.strictObject({ ...common, as: z.literal("tamper") }),
  z.strictObject({
    ...common,
    as: z.literal("contact"),
    role: z.string().min(1).max(64).optional().describe("What the contact is there for."),
  }),
  z.strictObject({
    ...common,
    as: z.literal("fault"),
    code: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "a short name such as fan-failed"),
  }),
  z.strictObject({ ...common, as: z.literal("ignore") }),
]);
export type EventRule = z.output<typeof eventSchema>;
export type ThrowRule = Extract<EventRule, { as: "throw" }>;
export type StateRule = Extract<EventRule, { as: "fire" | "tamper" | "contact" | "fault" }>;

export const eventsSchema = z
  .array(eventSchema)
  .max(64, "at most 64 entries")
  .describe("What the device's events mean. Which of them is a throw no standard says: it is the maker's topic.");
