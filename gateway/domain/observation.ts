import { z } from "zod";
import { deviceIdSchema, observationIdSchema, siteIdSchema, zoneIdSchema } from "./ids.ts";

/**
 * The coordinate frame in which a camera reported: `px` its picture's pixels; `8192` and `10000` a grid of so many steps
 * over the picture; `onvif` −1…1 with y upwards; `fraction` 0…1.
 */
export const frameSchema = z.strictObject({
  width: z.number().positive(),
  height: z.number().positive(),
  unit: z.enum(["px", "8192", "10000", "onvif", "fraction"]),
});

/** A rectangle in the picture, corners as fractions 0–1 of the source frame, y downwards; the frame is kept, in its own unit. */
const boxSchema = z.strictObject({
  x1: z.number(),
  y1: z.number(),
  x2: z.number(),
  y2: z.number(),
  frame: frameSchema,
});

/** Where an object was seen, point by point: fractions 0–1 as in a box; `ms` after the first point. */
const trackSchema = z.strictObject({
  points: z
    .array(z.strictObject({ ms: z.number().min(0), x: z.number(), y: z.number() }))
    .min(1)
    .max(512),
  frame: frameSchema,
});

/** Where a thrown object came from, as far as it can be told, and how it was told. */
const originSchema = z.strictObject({
  building: z.string().optional(),
  unit: z.string().optional(),
  /** Storey as people count it there: ground floor 1, basement −1. */
  floor: z.number().int().optional(),
  /** The floors between which it lies with about 95 % probability. */
  floorLow: z.number().int().optional(),
  floorHigh: z.number().int().optional(),
  /** Height of the release above ground, m, with its standard deviation. */
  heightM: z.number().optional(),
  heightSigmaM: z.number().min(0).optional(),
  /** `device`: the camera says so; `region`: the profile's region that holds box or first point; `trajectory`: a falling body fitted to the track. */
  method: z.enum(["device", "region", "trajectory"]),
});
export type ThrowOrigin = z.infer<typeof originSchema>;

/**
 * How a record reached us: `live` as it happened; `late` buffered by the device while it was cut off;
 * `manual` pushed again by a person at the device. Only `live` ones may raise an alarm.
 */
export const deliverySchema = z.enum(["live", "late", "manual"]);
export type Delivery = z.infer<typeof deliverySchema>;

const passage = {
  delivery: deliverySchema,
  /** Keyed pseudonym of the person id: the same person on the same site has the same one; it cannot be turned back. */
  person: z.string().optional(),
  personType: z.enum(["allow-list", "block-list"]).optional(),
  /** 0–100 as the terminal reports it. */
  similarity: z.number().optional(),
  mask: z.boolean().optional(),
  /** By what the person showed who they are, where the terminal says so. */
  method: z.enum(["face", "card", "fingerprint", "password", "qr-code", "other"]).optional(),
};

const celsius = z.number().min(-273.15);

/** Every kind of observation with the shape of its body. A new kind is added here and nowhere else. */
export const bodySchemas = {
  "access.granted": z.strictObject({ ...passage }),
  "access.denied": z.strictObject({
    ...passage,
    reason: z.enum(["refused", "not-registered", "expired", "no-right", "unknown"]),
  }),
  "access.stranger": z.strictObject({ ...passage }),
  /** Somebody opened, or tried to, under threat, by the sign that was agreed for that. */
  "access.duress": z.strictObject({ ...passage }),
  /** The lock was let go without a credential: the exit button, a remote command, the fire panel. */
  "door.released": z.strictObject({
    delivery: deliverySchema,
    by: z.enum(["exit-button", "remote", "fire", "unknown"]),
  }),
  "door.state": z.strictObject({ delivery: deliverySchema, state: z.enum(["open", "closed", "forced", "held"]) }),
  "throw.detected": z.strictObject({
    delivery: deliverySchema,
    /** ISO 8601; when the object was first and last seen, where the camera says so. */
    startedAt: z.iso.datetime().optional(),
    endedAt: z.iso.datetime().optional(),
    /** 0–1. */
    confidence: z.number().min(0).max(1).optional(),
    box: boxSchema.optional(),
    track: trackSchema.optional(),
    origin: originSchema.optional(),
  }),
  /** A detector that is not an extinguisher says fire: a camera, a smoke or heat detector, a call point. `active: false` takes it back. */
  "fire.detected": z.strictObject({
    delivery: deliverySchema,
    active: z.boolean(),
    sensor: z.enum(["smoke", "heat", "flame", "camera", "call-point", "unknown"]),
    confidence: z.number().min(0).max(1).optional(),
    box: boxSchema.optional(),
  }),
  "thermal.reading": z.strictObject({
    temperatureC: celsius.optional(),
    /** Gauge pressure, MPa. */
    pressureMpa: z.number().optional(),
  }),
  "extinguisher.state": z.strictObject({
    discharged: z.boolean(),
    lowPressure: z.boolean(),
    tamper: z.boolean(),
  }),
  "contact.state": z.strictObject({ active: z.boolean(), role: z.string().optional() }),
  "panel.event": z.strictObject({
    event: z.enum(["fire", "pre-alarm", "fault", "disabled", "supervisory", "normal", "reset", "test"]),
    point: z.string().optional(),
    text: z.string().optional(),
  }),
  "device.online": z.strictObject({ firmware: z.string().optional() }),
  "device.offline": z.strictObject({
    reason: z.enum(["last-will", "disconnected", "said-so", "silent", "never-seen", "link-lost", "no-answer"]),
  }),
  "device.tamper": z.strictObject({ active: z.boolean() }),
  /** The device works but one of its values cannot be believed (sensor broken, jump, out of range). */
  "device.fault": z.strictObject({ code: z.string(), active: z.boolean(), detail: z.string().optional() }),
  /** Written first at every start: what came before it may have a hole in which nobody watched. */
  "gateway.started": z.strictObject({ version: z.string(), boot: z.number().int(), downMs: z.number().optional() }),
  "gateway.fault": z.strictObject({ code: z.string(), active: z.boolean(), detail: z.string().optional() }),
} as const;

export type ObservationKind = keyof typeof bodySchemas;
export type BodyOf<K extends ObservationKind> = z.infer<(typeof bodySchemas)[K]>;

const common = {
  id: observationIdSchema,
  seq: z.number().int().positive(),
  siteId: siteIdSchema,
  deviceId: deviceIdSchema,
  zoneId: zoneIdSchema,
  /** When it happened, by the device's clock where it has one that can be believed, else when it was received. */
  occurredAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
  /** The device's own id of the record. */
  sourceRecordId: z.string().optional(),
  dialect: z.string(),
};

type Common = z.infer<z.ZodObject<typeof common>>;
/** One normalised fact from one device, as it stands in the log and as the city gets it. */
export type Observation = { [K in ObservationKind]: Common & { kind: K; body: BodyOf<K> } }[ObservationKind];

const kinds = Object.keys(bodySchemas) as [ObservationKind, ...ObservationKind[]];

/** One schema a kind, for the parse at an edge and for the published contract. */
export const observationSchema = z.discriminatedUnion(
  "kind",
  kinds.map((kind) => z.strictObject({ ...common, kind: z.literal(kind), body: bodySchemas[kind] })) as never,
) as unknown as z.ZodType<Observation>;

/** What a driver says: the fact alone. The supervisor adds whose it is, the log adds its number and the time of receipt. */
export type ObservationDraft = {
  [K in ObservationKind]: {
    readonly kind: K;
    readonly body: BodyOf<K>;
    /** Epoch ms by the device's clock; absent where the device has none. */
    readonly occurredAtMs?: number;
    readonly sourceRecordId?: string;
    /**
     * Equal for two deliveries of the same record by the same device: the second is acknowledged and not stored.
     * Contains more than a counter, since devices restart their counters.
     */
    readonly dedupKey?: string;
  };
}[ObservationKind];

/** An observation at its place in the log. `at` is the log time in ms: see `Clock.now`. */
export interface LoggedObservation {
  readonly seq: number;
  readonly at: number;
  readonly observation: Observation;
}

/** Kinds that retention gives up last, since a fire is reconstructed from them. */
export const fireRelatedKinds: ReadonlySet<ObservationKind> = new Set([
  "thermal.reading",
  "extinguisher.state",
  "panel.event",
  "contact.state",
  "fire.detected",
]);
