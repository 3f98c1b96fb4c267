import { z } from "zod";

/** What every message must be: CloudEvents 1.0, structured mode. */
const envelopeSchema = z.looseObject({
  specversion: z.literal("1.0"),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  time: z.iso.datetime().optional(),
  subject: z.string().optional(),
  replayed: z.boolean().optional(),
  data: z.looseObject({}),
});
export type Envelope = z.infer<typeof envelopeSchema>;

export function parseEnvelope(payload: Uint8Array): Envelope | undefined {
  return envelopeSchema.safeParse(asJson(payload)).data;
}

export function asJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}

const placeSchema = z.object({
  lane: z.string(),
  epoch: z.string().min(1),
  sequence: z.string().regex(/^[1-9]\d*$/),
  time: z.iso.datetime(),
  subject: z.string(),
});

/** The place of a message of a lane; absent where an attribute lacks or is no such thing. */
export function placeOf(
  envelope: Envelope,
): { lane: string; epoch: string; sequence: number; timeMs: number; subject: string } | undefined {
  const place = placeSchema.safeParse(envelope).data;
  if (place === undefined) return undefined;
  const { lane, epoch, sequence, time, subject } = place;
  return { lane, epoch, sequence: Number(sequence), timeMs: Date.parse(time), subject };
}

const gapSchema = z.looseObject({
  lane: z.string(),
  epoch: z.string(),
  from: z.coerce.number(),
  to: z.coerce.number(),
  reason: z.string().optional(),
});

export function gapOf(envelope: Envelope): z.infer<typeof gapSchema> | undefined {
  return gapSchema.safeParse(envelope.data).data;
}

const birthSchema = z.looseObject({
  lanes: z.record(z.string(), z.looseObject({ epoch: z.string(), head: z.coerce.number() })).optional(),
});

/** How far each lane is, as a birth says. */
export function headsOf(envelope: Envelope): readonly { lane: string; epoch: string; head: number }[] {
  const lanes = birthSchema.safeParse(envelope.data).data?.lanes ?? {};
  return Object.entries(lanes).map(([lane, { epoch, head }]) => ({ lane, epoch, head }));
}

const textSchema = z.looseObject({ zh: z.string(), en: z.string() });
const alarmSchema = z.looseObject({
  alarmId: z.string().optional(),
  id: z.string().optional(),
  rule: z.string(),
  subject: z.string(),
  zoneId: z.string(),
  severity: z.string(),
  certainty: z.string(),
  state: z.string(),
  step: z.string().optional(),
  raisedAt: z.string().optional(),
  explanation: textSchema,
});
/** An alarm, or a step in its life, as the city needs it. */
export type CityAlarm = z.infer<typeof alarmSchema>;

export function alarmOf(envelope: Envelope): CityAlarm | undefined {
  return alarmSchema.safeParse(envelope.data).data;
}

const answerSchema = z.looseObject({
  requestId: z.string(),
  ok: z.boolean(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});
/** The answer to a command. */
export type Answer = z.infer<typeof answerSchema>;

/** Bare, or as the data of a CloudEvent. */
export function parseAnswer(payload: Uint8Array): Answer | undefined {
  const json = asJson(payload);
  return answerSchema.safeParse(json).data ?? answerSchema.safeParse(parseEnvelope(payload)?.data).data;
}
