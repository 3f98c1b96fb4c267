import { z } from "zod";
import { alarmSchema, transitionSchema } from "../domain/alarm.ts";
import {
  alarmIdSchema,
  deviceIdSchema,
  epochSchema,
  gatewayIdSchema,
  siteIdSchema,
  zoneIdSchema,
} from "../domain/ids.ts";
import { observationSchema } from "../domain/observation.ts";

/**
 * Everything that is said to the city, as schemas; the types, the JSON Schemas in schemas/ and the checks in the tests
 * come from here.
 */
export const laneNameSchema = z.enum(["alarms", "events"]);
export type LaneName = z.infer<typeof laneNameSchema>;

const sequenceText = z.string().regex(/^[1-9][0-9]*$/);
const clockState = z.enum(["synchronised", "assumed", "unsynchronised"]);
const instant = z.iso.datetime();
const count = z.number().int().nonnegative();

/** Attributes of every message: CloudEvents 1.0, structured mode; ours are extension attributes. */
const attributes = {
  specversion: z.literal("1.0"),
  id: z.string().min(1).describe("Equal for every copy of the same message: remove duplicates by it."),
  source: z.string().min(1).describe("/{prefix}/{siteId}/{gatewayId}"),
  subject: z.string().min(1).optional().describe("What it is about: a device, an alarm, a zone, a lane."),
  time: instant.describe(
    "When it happened, by the gateway's clock; see `clock`. Of a last will: when it was deposited.",
  ),
  datacontenttype: z.literal("application/json"),
  siteid: siteIdSchema,
  gatewayid: gatewayIdSchema,
  clock: clockState.describe("How far the clock could be believed when it was written."),
};

const placeInLane = {
  lane: laneNameSchema,
  epoch: epochSchema.describe("Names the numbering; a new one begins when the gateway's log begins anew."),
  sequence: sequenceText.describe("Place in the lane, decimal; (lane, epoch, sequence) never names two messages."),
};
const replayed = z.literal(true).optional().describe("Sent again, or late after an outage: not live.");

function message<T extends string, D extends z.ZodType>(type: T, data: D) {
  return z.strictObject({ ...attributes, type: z.literal(type), data });
}

const laneMessage = <T extends string, D extends z.ZodType>(type: T, lane: LaneName, data: D) =>
  message(type, data).extend({ ...placeInLane, lane: z.literal(lane), replayed });

const ledgerSchema = z
  .strictObject({ accepted: count, delivered: count, pending: count, quarantined: count, evicted: count })
  .describe("accepted = delivered + pending + quarantined + evicted");

export const laneReportSchema = z.strictObject({
  epoch: epochSchema,
  head: count.describe("Sequence of the newest entry."),
  cursor: count.describe("All up to here are settled."),
  ledger: ledgerSchema,
  ratePerSecond: z.number().nonnegative().describe("Delivered a second, lately."),
  oldestPendingMs: count.optional().describe("Age of the oldest entry that waits; absent where none does."),
  blocked: z.string().optional().describe("Why the lane stands still, where it does."),
});
export type LaneReport = z.infer<typeof laneReportSchema>;

export const birthSchema = z.strictObject({
  state: z.literal("online"),
  version: z.string(),
  site: z.strictObject({ id: siteIdSchema, name: z.string().optional(), kind: z.string().optional() }),
  startedAt: instant.describe("When the gateway's program started."),
  connectedAt: instant,
  protocol: z.enum(["5.0", "3.1.1"]).describe("MQTT version of this connection."),
  lanes: z.strictObject({ alarms: laneReportSchema.optional(), events: laneReportSchema.optional() }),
  alarmChainHead: z.string().describe("Head of the hash chain over the alarm log: keep it, it proves the past."),
  clock: z.strictObject({ state: clockState, steppedMs: z.number() }),
});
export type Birth = z.infer<typeof birthSchema>;

export const deathSchema = z.strictObject({
  state: z.literal("offline"),
  reason: z.enum(["lost", "stopped"]).describe("lost: the broker missed it (last will). stopped: it said goodbye."),
  version: z.string(),
});
export type Death = z.infer<typeof deathSchema>;

export const deviceStateSchema = z.strictObject({
  deviceId: deviceIdSchema,
  name: z.string().optional(),
  driver: z.string().optional(),
  dialect: z.string().optional(),
  zoneId: zoneIdSchema.optional(),
  online: z.enum(["online", "offline", "unknown"]),
  since: instant,
  health: z
    .enum(["good", "degraded", "bad", "unknown"])
    .describe("degraded: online, but its clock is more than a minute off. bad: offline. unknown: not heard yet."),
  lastSeen: instant.optional().describe("At most five minutes behind."),
  reason: z.string().optional(),
  firmware: z.string().optional(),
  clockSkewMs: z.number().optional(),
});
export type DeviceStateData = z.infer<typeof deviceStateSchema>;

export const zoneStateSchema = z.strictObject({
  zoneId: zoneIdSchema,
  colour: z.enum(["red", "yellow", "green", "unknown"]),
  since: instant,
  reasons: z.array(z.strictObject({ zh: z.string(), en: z.string() })),
});
export type ZoneStateData = z.infer<typeof zoneStateSchema>;

export const gapSchema = z.strictObject({
  lane: laneNameSchema,
  epoch: epochSchema,
  from: count.describe("First sequence that is missing."),
  to: count.describe("Last sequence that is missing."),
  reason: z.enum(["retention", "damaged", "poison"]),
  at: instant.describe("When it was declared."),
});

const requestId = z
  .string()
  .min(1)
  .max(128)
  .describe("Chosen by the asker; the same id is answered the same, once done.");
const sequence = z.union([
  z.number().int().positive(),
  sequenceText.transform(Number).pipe(z.number().int().positive()),
]);
const by = z.string().min(1).max(100).describe("Who at the city did it; stands in the alarm's history.");
const comment = z.string().max(2000).optional();

/** Commands by name, the last level of their topic. Unknown keys are ignored. */
export const commandSchemas = {
  acknowledge: z.object({ requestId, alarmId: alarmIdSchema, by, comment }),
  close: z.object({
    requestId,
    alarmId: alarmIdSchema,
    by,
    disposition: z.enum(["true", "false", "test", "duplicate"]),
    comment,
  }),
  "replay-range": z.object({ requestId, lane: laneNameSchema, epoch: epochSchema, from: sequence, to: sequence }),
  snapshot: z.object({ requestId }),
  ping: z.object({ requestId }),
} as const;
export type CommandName = keyof typeof commandSchemas;

export const answerSchema = z.looseObject({
  requestId: z.string().describe("Empty where the command was too broken to find one."),
  ok: z.boolean(),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
  truncated: z.literal(true).optional().describe("The rest of the answer was larger than the broker takes."),
});
export type Answer = z.infer<typeof answerSchema>;

/** One schema a message type, by the name of its file in schemas/. */
export const messageSchemas = {
  alarms: laneMessage("zhian.alarm.transition", "alarms", transitionSchema),
  active: message("zhian.alarm.state", alarmSchema),
  events: laneMessage("zhian.observation", "events", observationSchema),
  device: message("zhian.device.state", deviceStateSchema),
  zone: message("zhian.zone.state", zoneStateSchema),
  "gateway-birth": message("zhian.gateway.birth", birthSchema),
  "gateway-death": message("zhian.gateway.death", deathSchema),
  gap: message("zhian.gap", gapSchema),
  answer: answerSchema,
  "answer-event": message("zhian.command.answer", answerSchema),
  "command-acknowledge": commandSchemas.acknowledge,
  "command-close": commandSchemas.close,
  "command-replay-range": commandSchemas["replay-range"],
  "command-snapshot": commandSchemas.snapshot,
  "command-ping": commandSchemas.ping,
} as const;
