import { z } from "zod";
import type { Delivery } from "../../gateway/domain/observation.ts";
import { id, numeric, text } from "../facesluice/fields.ts";
import { type Alert, detailOf, flag, isHeartbeat, readAlert, unknownEvent } from "../hikvision/alert.ts";
import { type Fields, field, isFields, listOf } from "../hikvision/document.ts";
import type { RecordClock } from "../hikvision/record-clock.ts";
import type { EventOutcome } from "../hikvision/session.ts";
import { type ThrowReport, throwDraft } from "../throw-view/throw-report.ts";
import type { ViewProfile } from "../throw-view/view-profile.ts";

/** The number under which iSecure Center (Artemis) sends ObjectsThrownDetection. */
const thrownCode = 930_335;
/** What else the same subscription is seen to bring: region intrusion, somebody fell. */
const otherCodes = new Set([131_588, 131_605]);
const thrownName = "ObjectsThrownDetection";

/** One event of a platform's push, beside its data. */
const platformEventSchema = z.object({ eventId: id, eventType: numeric, happenTime: text, srcIndex: id });
type PlatformEvent = z.output<typeof platformEventSchema>;

const dataSchema = z.object({ isDataRetransmission: flag });
const attributesSchema = z.object({ cameraIndexCode: id });
const ruleSchema = z.object({ ruleID: id, ruleName: text, confidence: numeric });
const itemSchema = z.object({ startTime: text, endTime: text });

/** A message brings a camera's event each; more of them in one push are a mistake or an attack. */
const mostEvents = 256;
const mostItems = 64;

export interface CameraParts {
  readonly clock: RecordClock;
  readonly view: ViewProfile | undefined;
  readonly ownId: string | undefined;
  readonly channel: string | undefined;
  readonly cameraIndexCode: string | undefined;
}

/** The events of a message: a platform's push with several, the same data bare, or an ISAPI alert. */
export function interpretThrows(parts: CameraParts, fields: Fields): readonly EventOutcome[] {
  const params = field(fields, "params");
  if (isFields(params)) {
    const events = listOf(field(params, "events"));
    if (events.length === 0) return [{ kind: "filtered", reason: "no-events" }];
    if (events.length > mostEvents) {
      return [rejected("too-large", `${events.length} events in one push, at most ${mostEvents}`)];
    }
    return events.map((event) => platformEvent(parts, event));
  }
  const alert = readAlert(fields);
  if (alert === undefined) {
    // Receivers in the field get the data object without any event around it.
    if (field(fields, thrownName) !== undefined) return [thrown(parts, fields, undefined)];
    return [rejected("wrong-shape", "expected `params.events`, `eventType` or `ObjectsThrownDetection`")];
  }
  return [alertOutcome(parts, alert)];
}

function platformEvent(parts: CameraParts, given: unknown): EventOutcome {
  const parsed = platformEventSchema.safeParse(given);
  if (!parsed.success) return rejected("wrong-shape", "expected objects in `params.events`");
  const event = parsed.data;
  if (event.eventType !== thrownCode) {
    const known = event.eventType !== undefined && otherCodes.has(event.eventType);
    return { kind: "filtered", reason: known ? `event-${event.eventType}` : "event-other" };
  }
  const data = isFields(given) ? field(given, "data") : undefined;
  if (!isFields(data)) return rejected("bad-throw-record", "expected an object `data`");
  return thrown(parts, data, event);
}

function alertOutcome(parts: CameraParts, alert: Alert): EventOutcome {
  const { ownId, clock } = parts;
  if (ownId !== undefined && alert.deviceId !== undefined && alert.deviceId !== ownId) {
    return rejected("foreign-id", `the event names device ${alert.deviceId}, expected ${ownId}`);
  }
  if (isHeartbeat(alert)) {
    const drafts = clock.heartbeat(alert.time);
    return drafts.length > 0 ? { kind: "observed", drafts } : { kind: "filtered", reason: "heartbeat" };
  }
  const named = alert.type === thrownName.toLowerCase() || alert.type === String(thrownCode);
  if (!named && detailOf(alert, thrownName) === undefined) return { kind: "filtered", reason: unknownEvent(alert) };
  return thrown(parts, alert.fields, undefined);
}

/** The data object: ISAPI envelope and list of throws in one. */
function thrown(parts: CameraParts, data: Fields, event: PlatformEvent | undefined): EventOutcome {
  const { clock } = parts;
  // The envelope of a bare data object may name no event.
  const alert = readAlert({ eventType: thrownName, ...data });
  const parsed = dataSchema.safeParse(data);
  if (alert === undefined || !parsed.success) return rejected("bad-throw-record", "expected an object");
  if (isOther(parts, data, alert, event)) return { kind: "filtered", reason: "other-camera" };
  if (alert.state === "inactive") return { kind: "filtered", reason: "inactive" };
  const items = listOf(detailOf(alert, thrownName)).filter(isFields);
  if (items.length > mostItems)
    return rejected("too-large", `${items.length} throws in one event, at most ${mostItems}`);
  const written = alert.time ?? event?.happenTime;
  const again = parsed.data.isDataRetransmission;
  const said: Delivery | undefined = again === undefined ? undefined : again ? "late" : "live";
  const { delivery, occurredAtMs, faults } = clock.record(said, written ?? firstStart(items));
  const identity = event?.eventId ?? alert.uuid;
  const reports = (items.length === 0 ? [{}] : items).map((item, at) => {
    const common = { delivery, ...(occurredAtMs === undefined ? {} : { occurredAtMs }) };
    const key = identity === undefined ? keyOfTimes(parts, alert, written, item) : `${identity}|${at}`;
    return {
      ...common,
      ...reportOf(parts, item, delivery),
      ...(event?.eventId === undefined ? {} : { sourceRecordId: event.eventId }),
      ...(key === undefined ? {} : { dedupKey: `thrown|${key}` }),
    };
  });
  return { kind: "observed", drafts: [...faults, ...reports.map((report) => throwDraft(report, parts.view))] };
}

/** What one item says: the times of its track, and the rule that saw it. */
function reportOf({ clock }: CameraParts, item: Fields, delivery: Delivery): Partial<ThrowReport> {
  const times = itemSchema.safeParse(item);
  const rule = ruleSchema.safeParse(field(item, "RuleInfo"));
  const startedAtMs = times.success ? clock.believed(times.data.startTime, delivery) : undefined;
  const endedAtMs = times.success ? clock.believed(times.data.endTime, delivery) : undefined;
  const { confidence, ruleID, ruleName } = rule.success ? rule.data : {};
  const region = ruleName ?? ruleID;
  return {
    ...(startedAtMs === undefined ? {} : { startedAtMs, occurredAtMs: startedAtMs }),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
    ...(confidence === undefined ? {} : { confidence: confidence / 100 }),
    ...(region === undefined ? {} : { region }),
  };
}

/** Where the event names neither itself nor anything else: its times, which a repeated post of one alarm has in common. */
function keyOfTimes(
  { clock }: CameraParts,
  alert: Alert,
  written: string | undefined,
  item: Fields,
): string | undefined {
  const times = itemSchema.safeParse(item);
  const start = times.success ? clock.instant(times.data.startTime) : undefined;
  const end = times.success ? clock.instant(times.data.endTime) : undefined;
  const rule = ruleSchema.safeParse(field(item, "RuleInfo"));
  const ruleId = rule.success ? (rule.data.ruleID ?? "") : "";
  const at = start === undefined && end === undefined ? clock.instant(written) : undefined;
  if (start === undefined && end === undefined && at === undefined) return undefined;
  return [alert.channel ?? "", ruleId, start ?? "", end ?? "", at ?? ""].join("|");
}

function firstStart(items: readonly Fields[]): string | undefined {
  const first = itemSchema.safeParse(items[0]);
  return first.success ? (first.data.startTime ?? first.data.endTime) : undefined;
}

/** A platform pushes for many cameras, a recorder for its channels. What names no camera is taken for ours: nothing is lost. */
function isOther(parts: CameraParts, data: Fields, alert: Alert, event: PlatformEvent | undefined): boolean {
  const attributes = attributesSchema.safeParse(field(data, "targetAttrs"));
  const code = (attributes.success ? attributes.data.cameraIndexCode : undefined) ?? event?.srcIndex;
  if (parts.cameraIndexCode !== undefined && code !== undefined) return code !== parts.cameraIndexCode;
  return parts.channel !== undefined && alert.channel !== undefined && alert.channel !== parts.channel;
}

function rejected(reason: string, detail: string): EventOutcome {
  return { kind: "rejected", reason, detail };
}
