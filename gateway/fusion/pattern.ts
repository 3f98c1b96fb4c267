import { z } from "zod";
import { bilingualSchema, certaintySchema, severitySchema } from "../domain/alarm.ts";
import { durationSchema } from "../domain/duration.ts";
import { type ObservationId, siteZoneId } from "../domain/ids.ts";
import { bodySchemas, type Observation, type ObservationKind } from "../domain/observation.ts";
import type { SiteView } from "./rule.ts";

const kinds = Object.keys(bodySchemas) as [ObservationKind, ...ObservationKind[]];

const conditionSchema = z.strictObject({
  kind: z.enum(kinds).describe("Kind of observation."),
  is: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("Fields of its body with the values that they have to have: { role: glass, active: true }."),
  tag: z.string().optional().describe("The device has this tag."),
  device: z.string().optional().describe("It is this device."),
});
type Condition = z.output<typeof conditionSchema>;

/** What a site looks for beyond the rules that come with the gateway. */
export const patternSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a name such as throw-and-glass"),
    title: bilingualSchema.describe("What it is called in the alarm."),
    all: z.array(conditionSchema).min(1).max(8).optional().describe("All of these, in any order."),
    sequence: z.array(conditionSchema).min(2).max(8).optional().describe("These one after the other."),
    any: z.array(conditionSchema).min(1).max(8).optional().describe("One of these."),
    without: conditionSchema
      .optional()
      .describe("And this does not follow within the same time: it is judged when the time is over."),
    within: durationSchema.describe("All of it within this time."),
    scope: z
      .enum(["zone", "neighbours", "building", "site"])
      .default("zone")
      .describe("All of it in one zone, in it and its neighbours, in one building, or anywhere on the site."),
    severity: severitySchema.default("minor"),
    certainty: certaintySchema.default("possible"),
    response: bilingualSchema.optional().describe("What to do first."),
  })
  .refine(({ all, sequence, any }) => [all, sequence, any].filter((part) => part !== undefined).length === 1, {
    error: "one of all, sequence or any",
  });
export type Pattern = z.output<typeof patternSchema>;

export function meets(observation: Observation, { kind, is, tag, device }: Condition, site: SiteView): boolean {
  if (observation.kind !== kind) return false;
  if (device !== undefined && observation.deviceId !== device) return false;
  if (tag !== undefined && !site.tagsOf(observation.deviceId).includes(tag)) return false;
  const body: Readonly<Record<string, unknown>> = observation.body;
  // What the device tells late or again happened back then.
  if (body["delivery"] !== undefined && body["delivery"] !== "live") return false;
  return Object.entries(is).every(([field, value]) => body[field] === value);
}

export const conditionsOf = ({ all, sequence, any, without }: Pattern): readonly Condition[] => [
  ...(all ?? sequence ?? any ?? []),
  ...(without === undefined ? [] : [without]),
];

/** The places for which an observation counts. */
export function scopesOf(pattern: Pattern, { zoneId }: Observation, site: SiteView): readonly string[] {
  switch (pattern.scope) {
    case "zone":
      return [zoneId];
    case "neighbours":
      return [zoneId, ...site.neighboursOf(zoneId)];
    case "building":
      return [site.rootOf(zoneId)];
    case "site":
      return [siteZoneId];
  }
}

/** How far a pattern has come in one place. */
export interface Progress {
  /** By the conditions' order: when it was met last, by what, and when the chain that it ends began. */
  readonly met: readonly ({
    readonly at: number;
    readonly from: number;
    readonly by: readonly ObservationId[];
  } | null)[];
  /** It is complete, and waits that nothing follows. */
  readonly waiting?: { readonly dueAt: number; readonly by: readonly ObservationId[] };
}

export interface Advance {
  readonly progress: Progress;
  /** What made it complete. */
  readonly complete?: readonly ObservationId[];
}

/** Takes in an observation that may meet some of the conditions. */
export function advance(
  pattern: Pattern,
  before: Progress | undefined,
  observation: Observation,
  at: number,
  site: SiteView,
): Advance {
  const { all, sequence, any, without, within } = pattern;
  const conditions = all ?? sequence ?? any ?? [];
  const fresh = (each: Progress["met"][number]) =>
    each !== null && each !== undefined && at - each.from <= within ? each : null;
  const met = conditions.map((_, i) => fresh(before?.met[i] ?? null));
  const answered = without !== undefined && meets(observation, without, site);
  const waiting = answered ? undefined : before?.waiting;
  const waits = waiting === undefined ? {} : { waiting };
  const here = { at, from: at, by: [observation.id] };
  // From the last to the first, so that one observation is not two steps of a sequence.
  for (let i = conditions.length - 1; i >= 0; i--) {
    const condition = conditions[i];
    if (condition === undefined || !meets(observation, condition, site)) continue;
    if (sequence === undefined || i === 0) met[i] = here;
    else {
      const previous = met[i - 1];
      if (previous !== null && previous !== undefined) {
        met[i] = { at, from: previous.from, by: [...previous.by, observation.id] };
      }
    }
  }
  const by = completedBy(pattern, met);
  if (by === undefined) return { progress: { met, ...waits } };
  const none = conditions.map(() => null);
  return { progress: { met: none, ...waits }, complete: by };
}

function completedBy({ all, sequence }: Pattern, met: Progress["met"]): readonly ObservationId[] | undefined {
  const there = met.filter((each) => each !== null);
  if (sequence !== undefined) return met.at(-1)?.by;
  if (all === undefined) return there[0]?.by;
  if (there.length < met.length) return undefined;
  return [...new Set([...there].sort((a, b) => a.at - b.at).flatMap((each) => each.by))];
}
