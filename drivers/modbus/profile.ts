import { z } from "zod";
import { durationText } from "./duration.ts";
import { registerSchema } from "./register.ts";

/** Silence after which the supervisor counts a device as gone whatever the session says, ms: three of the longest polls. */
export const silentAfterMs = 180_000;
const longestPoll = "60s";
/** Points of a panel that a session keeps in mind. */
const mostPoints = 2000;

export const commandSchema = z
  .strictObject({
    coil: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe("Address of the coil that is written, by function 5."),
    register: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe("Address of the holding register that is written, by function 6."),
    value: z
      .union([z.boolean(), z.number().int().min(0).max(65_535)])
      .describe("What is written: true or false for a coil, 0–65535 for a register."),
    title: z
      .strictObject({ zh: z.string().min(1), en: z.string().min(1) })
      .optional()
      .describe("As people read it."),
  })
  .superRefine(({ coil, register, value }, context) => {
    if ((coil === undefined) === (register === undefined))
      context.addIssue({ code: "custom", path: ["coil"], message: "expected one of coil and register" });
    else if ((coil === undefined) !== (typeof value === "number"))
      context.addIssue({
        code: "custom",
        path: ["value"],
        message: coil === undefined ? "expected 0 to 65535 for a register" : "expected true or false for a coil",
      });
  });
export type ProfileCommand = z.output<typeof commandSchema>;

/**
 * The register map of one model of device. What it accepts it gives out in the same form, defaults filled in, so that
 * it may be parsed again.
 */
export const profileSchema = z
  .strictObject({
    registers: z.array(registerSchema).min(1).max(64),
    pollEvery: durationText("100ms", longestPoll).default("1s"),
    answerWithin: durationText("20ms", "10s").default("500ms").describe("How long the device may take to answer."),
    maxGap: z
      .number()
      .int()
      .min(0)
      .max(64)
      .default(4)
      .describe("Unused registers that may be read along to save a request; 0 where the device refuses that."),
    report: z
      .strictObject({
        temperature: z.number().min(0).default(0.2).describe("Change that is reported, °C."),
        pressure: z.number().min(0).default(0.01).describe("Change that is reported, MPa."),
        every: durationText("1s", "60m").default("60s").describe("Reported at least so often, changed or not."),
      })
      .prefault({}),
    commands: z
      .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "expected a name such as silence or test"), commandSchema)
      .default({})
      .describe("What the gateway may write, and nothing else."),
  })
  .superRefine(({ registers }, context) => {
    const seen = new Set<string>();
    const numbers = new Set<string>();
    for (const [i, { name, points }] of registers.entries()) {
      const fail = (key: string, message: string) =>
        context.addIssue({ code: "custom", path: ["registers", i, key], message });
      if (seen.has(name)) fail("name", `expected one register ${name}`);
      seen.add(name);
      for (let at = 0; points !== undefined && at < points.count; at++) {
        const number = pointName(points, at);
        if (!numbers.has(number) && numbers.size < mostPoints) numbers.add(number);
        else {
          fail("points", numbers.has(number) ? `expected ${number} once` : `expected at most ${mostPoints} in all`);
          break;
        }
      }
    }
  });

export type Profile = z.output<typeof profileSchema>;

/** What a point is called: that of the panel's own display and printer, where the profile says so. */
export function pointName(points: { zone: string; first: number; digits: number }, at: number): string {
  const number = String(points.first + at).padStart(points.digits, "0");
  return points.zone === "" ? number : `${points.zone}-${number}`;
}
