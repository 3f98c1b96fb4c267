import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";

/** What the configuration says of a panel whose printer port is listened to. */
export const gstPrinterOptions = z.strictObject({
  line: z
    .string("text")
    .min(1, "the id of a serial line")
    .describe("Id of the serial line. The panel has it to itself."),
  profile: z
    .string("text")
    .min(1, "a name or path")
    .optional()
    .describe("What the words of the panel mean, where they differ: name of a built-in profile, or path of one."),
  silentAfter: durationSchema
    .refine((ms) => ms >= 60_000 && ms <= 20 * 86_400_000, "1m to 20d")
    .prefault("20d")
    .describe("A panel that has nothing to say prints nothing. Where it prints by itself every day, say so here."),
});
export type GstPrinterOptions = z.output<typeof gstPrinterOptions>;
