import { z } from "zod";
import { durationSchema } from "../gateway/domain/duration.ts";

/** Who is told of alarms, when and through what: the sections people, groups and escalation of the file. */

const text = z.string().min(1, "some text");
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, "letters, digits, dots, dashes or underscores")
  .describe("What the other sections name.");

export const personSchema = z.strictObject({
  id: name,
  name: text.describe("As people call them."),
  phone: z
    .string()
    .regex(/^\+[1-9]\d{5,14}$/, "a number with the code of the country, for example +8613800000000")
    .optional()
    .describe("For text messages."),
  email: z.email("an e-mail address").optional(),
});

const clockTime = z
  .string("a time of day such as 08:00, in quotes")
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "a time of day such as 08:00")
  .transform((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)));
const days = z.array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])).min(1, "at least one day");
const wholeWeek = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const workingDays = ["mon", "tue", "wed", "thu", "fri"] as const;
const fromText = "By the clock on the wall of the site.";
const toText = "Where it is not after `from` it is on the next day.";

const shiftSchema = z.strictObject({
  days: days.default([...wholeWeek]).describe("On which the shift begins; every day where absent."),
  from: clockTime.describe(fromText),
  to: clockTime.describe(toText),
  members: z.array(text).default([]).describe("People. With nobody in it all members of the group are told."),
});

export const groupSchema = z.strictObject({
  id: name,
  name: text.describe("As people call it."),
  members: z.array(text).min(1, "at least one person").describe("People."),
  shifts: z.array(shiftSchema).max(100).optional().describe("Who is on duty when. Without shifts all are, always."),
});

const tierFields = {
  to: z.array(text).min(1, "at least one group").describe("Groups; those on duty are told."),
  channels: z
    .array(text)
    .min(1, "at least one channel")
    .describe("In this order: the next is the fallback of the one before."),
};
const unless = z
  .enum(["acknowledged", "closed"])
  .default("acknowledged")
  .describe("What keeps the tier from being reached.");
const after = (time: string) => durationSchema.prefault(time).describe("After the alarm came.");

const tiersSchema = z
  .strictObject({
    1: z
      .strictObject({
        ...tierFields,
        after: after("0s"),
        unless,
        repeatEvery: durationSchema
          .refine((ms) => ms >= 30_000, "30s or more")
          .prefault("5m")
          .describe("A critical alarm is told again until somebody acknowledges it."),
      })
      .describe("The people on duty."),
    2: z
      .strictObject({ ...tierFields, after: after("3m"), unless })
      .optional()
      .describe("Those responsible."),
    3: z
      .strictObject({
        city: z.literal(true, "true").default(true).describe("The city sees it as a step `escalated` with tier 3."),
        to: z.array(text).default([]).describe("Groups that are told too."),
        channels: z.array(text).default([]).describe("Channels for them."),
        after: after("10m"),
        unless,
      })
      .optional()
      .describe("The coordination of the city."),
  })
  .refine((tiers) => tiers[2] === undefined || tiers[2].after >= tiers[1].after, {
    error: "no sooner than tier 1",
    path: ["2", "after"],
  })
  .refine((tiers) => tiers[3] === undefined || tiers[3].after >= (tiers[2] ?? tiers[1]).after, {
    error: "no sooner than the tier before",
    path: ["3", "after"],
  });

const hoursSchema = z.strictObject({
  days: days.default([...workingDays]).describe("Monday to Friday where absent."),
  from: clockTime.prefault("08:00").describe(fromText),
  to: clockTime.prefault("18:00").describe(toText),
});

const severity = (upTo: 1 | 2 | 3, hours: "always" | Record<string, never>) =>
  z.strictObject({
    upTo: z
      .literal([1, 2, 3], "1, 2 or 3")
      .default(upTo)
      .describe("The highest tier that is reached because nobody answers."),
    after: z
      .strictObject({ 1: durationSchema.optional(), 2: durationSchema.optional(), 3: durationSchema.optional() })
      .prefault({})
      .describe("In place of the tiers' own times."),
    hours: z
      .union([z.literal("always"), hoursSchema])
      .prefault(hours)
      .describe("`always`, or the hours in which it is told; what comes outside of them waits."),
  });

export const escalationSchema = z.strictObject({
  tiers: tiersSchema,
  bySeverity: z
    .strictObject({
      critical: severity(3, "always")
        .prefault({})
        .describe("Tier 2 after 1m and tier 3 after 5m, where the tiers' own times are no shorter."),
      major: severity(3, "always").prefault({}),
      minor: severity(2, "always").prefault({}),
      warning: severity(1, {}).prefault({}),
    })
    .prefault({})
    .describe("What is otherwise for a severity."),
  coolDown: durationSchema
    .prefault("60s")
    .describe(
      "After a push of tier 1 others of the same rule and zone wait so long and are told together; graver ones do not.",
    ),
});
