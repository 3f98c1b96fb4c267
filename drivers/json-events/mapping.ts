import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import { pointerSchema } from "./pointer.ts";
import { timeFormatSchema } from "./times.ts";
import { scalarSchema } from "./values.ts";

const values = z.union([scalarSchema, z.array(scalarSchema).min(1).max(64)]);

/** A place in the message and the value, or the values, that must stand there. */
const conditionSchema = z.strictObject({ at: pointerSchema, is: values });
export const conditionListSchema = z.array(conditionSchema).min(1, "at least one condition").max(16);
export type MappedCondition = z.output<typeof conditionSchema>;

export const mappedTimeSchema = z.strictObject({
  at: pointerSchema.describe("Where the time stands."),
  format: timeFormatSchema.describe("iso (UTC where no offset is given), local (of the site), epoch-s or epoch-ms."),
});
export type MappedTime = z.output<typeof mappedTimeSchema>;

/** Where in a message what stands; the same for every family. */
export const mappingFields = {
  each: pointerSchema
    .optional()
    .describe("A list of records in the message. All other places are then counted from one of its elements."),
  device: z
    .strictObject({
      at: pointerSchema.describe("Where the sender says of whom a record is."),
      is: values.describe("This device's id there; the records of others are left to others."),
    })
    .optional()
    .describe("Where the sender says of whom a record is, and this device's id there: others are left to others."),
  time: mappedTimeSchema.optional().describe("When it happened. Without it the time of receipt has to do."),
  key: z
    .array(pointerSchema)
    .max(8)
    .default([])
    .describe("Places that together tell one record from every other: the same record sent again is stored once."),
  record: pointerSchema.optional().describe("The sender's own id of the record. Never a person's."),
  late: conditionListSchema.optional().describe("How the sender marks what it kept while it was cut off."),
  manual: conditionListSchema.optional().describe("How the sender marks what a person there sent again."),
  lateAfter: durationSchema
    .refine((ms) => ms >= 5000 && ms <= 86_400_000, "5s to 24h")
    .optional()
    .describe(
      "Records that are older than this by the sender's time are late. Over HTTP it holds always, over MQTT in the minute after a connect. A sender whose clock is slow by more than this would never raise an alarm.",
    ),
};

export type Mapping = z.output<z.ZodObject<typeof mappingFields>>;
