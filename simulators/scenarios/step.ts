import { z } from "zod";

const device = z.string().describe("id of a device of the demo site");
const seconds = z.number().nonnegative();

/** Everything that can happen to the simulated devices, one JSON object a step. */
export const stepSchema = z.discriminatedUnion("do", [
  /** All devices of the process connect; for settings with `connect: false`. */
  z.object({ do: z.literal("connect") }),
  z.object({ do: z.literal("granted"), device, person: z.number().int().optional() }),
  z.object({
    do: z.literal("denied"),
    device,
    person: z.number().int().optional(),
    reason: z.enum(["refused", "not-registered"]).optional(),
  }),
  z.object({ do: z.literal("stranger"), device }),
  /** Somebody at the device pushes the records of the last seconds again. */
  z.object({ do: z.literal("replay"), device, lastS: seconds }),
  /** People come home: Poisson, in groups, a few of them refused at first. */
  z.object({ do: z.literal("arrivals"), device, perMinute: z.number().positive(), forS: seconds }),
  /** Its power or cable is gone for a while. */
  z.object({ do: z.literal("cut"), device, forS: seconds }),
  z.object({
    do: z.literal("throw"),
    cameras: z.array(device).nonempty(),
    floor: z.number().int().min(2).max(60),
    thing: z.string(),
    reports: z.number().int().positive().optional(),
  }),
  z.object({
    do: z.literal("mistake"),
    device,
    cause: z.enum(["bird", "insect", "leaf", "rain", "laundry", "reflection"]),
  }),
  z.object({
    do: z.literal("fire"),
    device,
    growth: z.enum(["slow", "medium", "fast", "ultrafast"]),
    ceilingM: z.number().positive(),
    radiusM: z.number().positive(),
    smoulderS: seconds.optional(),
  }),
  z.object({ do: z.literal("put-out"), device }),
  /** The room warms evenly: sun on a roof, a cabinet of chargers. */
  z.object({ do: z.literal("warm"), device, toC: z.number(), overS: seconds }),
  z.object({ do: z.literal("leak"), device, mpa: z.number().positive() }),
  z.object({
    do: z.literal("line-fault"),
    device,
    mode: z.enum(["late", "crc", "silent", "noise", "short", "exception"]),
    forS: seconds,
  }),
  /** The line between gateway and city is cut for a while. */
  z.object({ do: z.literal("cut-city-line"), forS: seconds }),
]);
export type Step = z.infer<typeof stepSchema>;

/** A named story for the demo site. */
export interface Scenario {
  readonly name: string;
  readonly title: { readonly zh: string; readonly en: string };
  /** Seconds from the moment the devices are up. */
  readonly steps: readonly (Step & { readonly atS: number })[];
  /** When the story is told, s. */
  readonly endS: number;
  /** Rules of which the city must have heard an alarm by then, and no others. */
  readonly raises: readonly string[];
}

/** The device that a step needs; absent where it concerns the city. */
export function deviceOf(step: Step): string | undefined {
  if (step.do === "throw") return step.cameras[0];
  return "device" in step ? step.device : undefined;
}
