import { z } from "zod";
import { alarmIdSchema, observationIdSchema, zoneIdSchema } from "./ids.ts";

export const severitySchema = z.enum(["critical", "major", "minor", "warning"]);
export type Severity = z.infer<typeof severitySchema>;

/** As in CAP 1.2. */
export const certaintySchema = z.enum(["observed", "likely", "possible"]);
export type Certainty = z.infer<typeof certaintySchema>;

export const dispositionSchema = z.enum(["true", "false", "test", "duplicate"]);
export type Disposition = z.infer<typeof dispositionSchema>;

/**
 * ISA-18.2 / IEC 62682: whether the condition is still there, crossed with whether a person has taken notice.
 * `closed` is the end; an alarm that is shelved, suppressed or out of service keeps its place in this cross beside it.
 */
export const alarmStateSchema = z.enum([
  "active-unacknowledged",
  "active-acknowledged",
  "returned-unacknowledged",
  "returned-acknowledged",
  "shelved",
  "suppressed",
  "out-of-service",
  "closed",
]);
export type AlarmState = z.infer<typeof alarmStateSchema>;

export const stepSchema = z.enum([
  "raised",
  "updated",
  "acknowledged",
  "returned",
  "shelved",
  "unshelved",
  "suppressed",
  "unsuppressed",
  "escalated",
  "closed",
]);
export type Step = z.infer<typeof stepSchema>;

export const bilingualSchema = z.strictObject({ zh: z.string(), en: z.string() });
export type Bilingual = z.infer<typeof bilingualSchema>;

/** Who did it and from where: a person at the console or at a building-management system, the city, or the gateway itself. */
export const actorSchema = z.strictObject({
  name: z.string(),
  via: z.enum(["console", "city", "gateway", "opcua"]),
});
export type Actor = z.infer<typeof actorSchema>;

/**
 * Why an open alarm asks nobody for attention now (ISA-18.2): a person put it aside for a bounded time; a maintenance window
 * or a design rule holds it back; its source is out of service. Its condition is followed all the same.
 */
export const holdSchema = z.strictObject({
  kind: z.enum(["shelved", "suppressed", "out-of-service"]),
  by: actorSchema,
  reason: z.string().max(2000),
  since: z.iso.datetime(),
  /** When it ends by itself, log time; a shelved alarm always has one. */
  until: z.iso.datetime().optional(),
});
export type Hold = z.infer<typeof holdSchema>;

/**
 * How high an alarm was pushed: 1 the people on duty, 2 those responsible, 3 the city's coordination. Absent as long as
 * nobody was told by a push.
 */
export const tierSchema = z.literal([1, 2, 3]);
export type Tier = z.infer<typeof tierSchema>;

const alarmShape = {
  id: alarmIdSchema,
  rule: z.string(),
  /** What the alarm is about: a device id, a zone id or a place. One open alarm for each (rule, subject, occurrence). */
  subject: z.string(),
  zoneId: zoneIdSchema,
  severity: severitySchema,
  certainty: certaintySchema,
  /** 1 is the most urgent; from severity and certainty. */
  priority: z.number().int().min(1).max(12),
  state: alarmStateSchema,
  /** Is the condition there now? Kept beside `state` since a shelved alarm still returns. */
  active: z.boolean(),
  acknowledged: z.boolean(),
  /** A latched alarm stays until a person closes it, even when its condition is gone. */
  latched: z.boolean(),
  raisedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** How many times the condition came (again) while the alarm was open. */
  count: z.number().int().positive(),
  /** Number of its newest step, from 1: steps of one alarm are counted without a gap. */
  revision: z.number().int().positive(),
  /** Ids of the observations that made it, oldest first, at most 32: the first and the newest are always there. */
  causes: z.array(observationIdSchema).max(32),
  evidence: z.array(z.string()).max(32),
  explanation: bilingualSchema,
  acknowledgedBy: actorSchema.optional(),
  closedBy: actorSchema.optional(),
  disposition: dispositionSchema.optional(),
  comment: z.string().max(2000).optional(),
  hold: holdSchema.optional(),
  /** The highest tier that was reached since it last came. */
  tier: tierSchema.optional(),
};
export const alarmSchema = z.strictObject(alarmShape);
export type Alarm = z.infer<typeof alarmSchema>;

/** One step in the life of an alarm, as it stands in the alarm log and as the city gets it. */
export const transitionSchema = z.strictObject({
  /** Derived from the alarm and the step's place in its life: the same in every run. */
  id: z.string(),
  alarmId: alarmIdSchema,
  step: stepSchema,
  at: z.iso.datetime(),
  rule: z.string(),
  subject: z.string(),
  zoneId: zoneIdSchema,
  severity: severitySchema,
  certainty: certaintySchema,
  priority: z.number().int(),
  state: alarmStateSchema,
  raisedAt: z.iso.datetime(),
  count: z.number().int(),
  revision: z.number().int(),
  causes: z.array(observationIdSchema),
  evidence: z.array(z.string()),
  explanation: bilingualSchema,
  by: actorSchema.optional(),
  disposition: dispositionSchema.optional(),
  comment: z.string().optional(),
  /** Of a shelved or suppressed alarm: by whom, why and until when. */
  hold: holdSchema.optional(),
  /** The highest tier that was reached; with the step `escalated` the one that is reached by it, and `comment` says why. */
  tier: tierSchema.optional(),
});
export type AlarmTransition = z.infer<typeof transitionSchema>;

/** What a rule says about a condition. The life cycle turns it into transitions, or into nothing. */
export type AlarmSignal =
  | {
      readonly type: "raise";
      readonly subject: string;
      readonly zoneId: Alarm["zoneId"];
      /** The observation that opened it; with rule and subject it makes the alarm's id. */
      readonly openedBy: Alarm["causes"][number];
      /** True where each occurrence is an alarm of its own even while an older one is open (one throw, one alarm). */
      readonly perOccurrence?: boolean;
      readonly severity: Severity;
      readonly certainty: Certainty;
      readonly latched?: boolean;
      readonly causes: Alarm["causes"];
      readonly evidence?: readonly string[];
      readonly explanation: Bilingual;
    }
  /** Another rule's alarm is surer than that rule can know: neighbours agree. Nothing where it is not open. */
  | {
      readonly type: "corroborate";
      readonly rule: string;
      readonly subject: string;
      readonly zoneId: Alarm["zoneId"];
      readonly certainty: Certainty;
      readonly causes: Alarm["causes"];
      /** Added to the explanation. */
      readonly explanation: Bilingual;
    }
  /** The condition is gone. `openedBy` names the occurrence where the rule works by occurrence. */
  | {
      readonly type: "clear";
      readonly subject: string;
      readonly openedBy?: Alarm["causes"][number];
      readonly explanation?: Bilingual;
    };

const severityRank: Record<Severity, number> = { critical: 0, major: 1, minor: 2, warning: 3 };
const certaintyRank: Record<Certainty, number> = { observed: 0, likely: 1, possible: 2 };

/** 1 (critical, observed) to 12 (warning, possible): severity decides, certainty orders within it. */
export function priorityOf(severity: Severity, certainty: Certainty): number {
  return severityRank[severity] * 3 + certaintyRank[certainty] + 1;
}

/** The graver of two. */
export function graver(a: Severity, b: Severity): Severity {
  return severityRank[a] <= severityRank[b] ? a : b;
}

/** The surer of two. */
export function surer(a: Certainty, b: Certainty): Certainty {
  return certaintyRank[a] <= certaintyRank[b] ? a : b;
}
