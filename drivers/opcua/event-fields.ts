import { boundedText } from "./bounded-text.ts";
import { badStatus, statusName } from "./quality.ts";

/**
 * What is asked of every event, in this order: the fields of BaseEventType (OPC UA Part 5 §6.4.2), of ConditionType,
 * AcknowledgeableConditionType and AlarmConditionType (Part 9 §5.5.2, §5.7.2, §5.8.2). `ConditionId` stands for the NodeId of the
 * condition (Part 9 §5.5.2.13).
 */
export const eventFields = [
  "EventId",
  "EventType",
  "SourceName",
  "Time",
  "Message",
  "Severity",
  "ConditionId",
  "BranchId",
  "ConditionName",
  "Retain",
  "EnabledState.Id",
  "ActiveState.Id",
  "AckedState.Id",
  "ConfirmedState.Id",
  "Quality",
] as const;
type Field = (typeof eventFields)[number];

/** One notification about a condition, as it stands. */
export interface ConditionEvent {
  readonly kind: "condition";
  /** Node id of the condition; where the server gives none, source and name stand for it. */
  readonly conditionId: string;
  readonly eventId: Buffer;
  readonly eventType: string;
  readonly source: string;
  readonly name: string;
  /** Epoch ms by the server's clock. */
  readonly timeMs?: number;
  readonly text: string;
  /** 1–1000; 0 where the server does not say. */
  readonly severity: number;
  /** A former state of the condition that still wants an acknowledgement, and not how it is now. */
  readonly branch: boolean;
  readonly retain: boolean;
  readonly enabled: boolean;
  /** Absent where the condition has no such state: then Retain has to do. */
  readonly active?: boolean;
  readonly acked?: boolean;
  readonly confirmed?: boolean;
  /** Name of a quality that is not good. */
  readonly badQuality?: string;
}

export type RefreshEvent = "refresh-start" | "refresh-end" | "refresh-required" | "overflow" | "other-event";

export type HeardEvent =
  | ConditionEvent
  | { readonly kind: RefreshEvent }
  | { readonly kind: "malformed"; readonly detail: string };

/** Part 9 §5.11 and Part 4 §7.22.3; the ids are those of the standard node set. */
const systemEvents: ReadonlyMap<string, RefreshEvent> = new Map([
  ["ns=0;i=2787", "refresh-start"],
  ["ns=0;i=2788", "refresh-end"],
  ["ns=0;i=2789", "refresh-required"],
  ["ns=0;i=3035", "overflow"],
]);

/** Reads the fields of one event. Takes any shapes: what a server sends is its own affair. */
export function readEvent(fields: readonly unknown[]): HeardEvent {
  const value = (field: Field): unknown => valueIn(fields[eventFields.indexOf(field)]);
  const eventType = nodeIdText(value("EventType"));
  if (eventType === undefined) return malformed("EventType", value("EventType"));
  const system = systemEvents.get(eventType);
  if (system !== undefined) return { kind: system };

  const name = textOf(value("ConditionName"));
  const retain = value("Retain");
  const conditionId = nodeIdText(value("ConditionId"));
  if (name === undefined && conditionId === undefined && retain === undefined) return { kind: "other-event" };
  const eventId = value("EventId");
  if (!(eventId instanceof Uint8Array)) return malformed("EventId", eventId);
  if (typeof retain !== "boolean") return malformed("Retain", retain);
  const source = textOf(value("SourceName")) ?? "";
  const severity = value("Severity");
  const quality = value("Quality");
  const branchId = nodeIdText(value("BranchId"));
  const time = value("Time");
  return {
    kind: "condition",
    conditionId: conditionId ?? `${source}/${name ?? ""}`,
    eventId: Buffer.from(eventId.subarray(0, 256)),
    eventType,
    source,
    name: name ?? "",
    ...(time instanceof Date && Number.isFinite(time.getTime()) ? { timeMs: time.getTime() } : {}),
    text: textOf(value("Message")) ?? "",
    severity: typeof severity === "number" && Number.isFinite(severity) ? Math.min(1000, Math.max(0, severity)) : 0,
    branch: branchId !== undefined && !nullNodeIds.has(branchId),
    retain,
    enabled: value("EnabledState.Id") !== false,
    ...flag("active", value("ActiveState.Id")),
    ...flag("acked", value("AckedState.Id")),
    ...flag("confirmed", value("ConfirmedState.Id")),
    ...(badStatus(quality) ? { badQuality: statusName(quality) } : {}),
  };
}

const nullNodeIds: ReadonlySet<string> = new Set(["ns=0;i=0", "i=0", "ns=0;s="]);

function flag<K extends string>(key: K, value: unknown): { [P in K]?: boolean } {
  return typeof value === "boolean" ? ({ [key]: value } as { [P in K]?: boolean }) : {};
}

function valueIn(variant: unknown): unknown {
  if (typeof variant !== "object" || variant === null || !("value" in variant)) return undefined;
  return variant.value ?? undefined;
}

/** A string, or the text of a LocalizedText. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return boundedText(value);
  if (typeof value !== "object" || value === null || !("text" in value)) return undefined;
  return typeof value.text === "string" ? boundedText(value.text) : undefined;
}

/** `ns=2;s=…` of a NodeId object. */
export function nodeIdText(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("identifierType" in value) || !("namespace" in value) || !("value" in value)) return undefined;
  const { namespace, value: id } = value;
  if (typeof namespace !== "number") return undefined;
  if (typeof id === "number") return `ns=${namespace};i=${id}`;
  if (id instanceof Uint8Array) return `ns=${namespace};b=${Buffer.from(id.subarray(0, 256)).toString("base64")}`;
  if (typeof id !== "string") return undefined;
  return `ns=${namespace};${/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? "g" : "s"}=${id.slice(0, 512)}`;
}

function malformed(field: Field, found: unknown): HeardEvent {
  return { kind: "malformed", detail: `${field}: found ${found === undefined ? "nothing" : typeof found}` };
}
