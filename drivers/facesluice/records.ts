import type { BodyOf, Delivery } from "../../gateway/domain/observation.ts";
import type { PixelBox } from "./fields.ts";

/** MQTT V1.25 §2.4: 1 = SnapID, 2 = RecordID, 3 = SnapOrRecordID of any other snapshot. */
type PushAckType = 1 | 2 | 3;
export interface PushReceipt {
  readonly type: PushAckType;
  readonly id: string;
}

export type Passage = Omit<BodyOf<"access.granted">, "delivery">;

/** What a record says, but for its times, which are as the device wrote them. */
export type Fact =
  | { readonly kind: "access.granted" | "access.stranger"; readonly passage: Passage }
  | { readonly kind: "access.denied"; readonly passage: Passage; readonly reason: "refused" | "not-registered" }
  | {
      readonly kind: "throw.detected";
      readonly startedAt: string | undefined;
      readonly endedAt: string | undefined;
      readonly box: PixelBox | undefined;
    }
  | {
      readonly kind: "fire.detected";
      readonly active: boolean;
      readonly sensor: "camera" | "heat";
      readonly confidence?: number;
      readonly box: PixelBox | undefined;
    }
  | { readonly kind: "thermal.reading"; readonly temperatureC: number };

/** A pushed record, decoded but for its times, which only the session can judge. */
export interface PushedRecord {
  readonly receipt: PushReceipt | undefined;
  /** What the device itself says; undefined where it says nothing. */
  readonly delivery: Delivery | undefined;
  readonly time: string | undefined;
  /** Equal for every delivery of this record by this device; undefined where nothing tells it from another. */
  readonly dedupKey: string | undefined;
  readonly facts: readonly Fact[];
}

export type Decoded =
  | { readonly kind: "record"; readonly record: PushedRecord }
  | { readonly kind: "filtered"; readonly reason: string; readonly receipt: PushReceipt | undefined }
  | {
      readonly kind: "rejected";
      readonly reason: string;
      readonly detail: string;
      readonly receipt: PushReceipt | undefined;
    };

export function withoutInfo(reason: string): Decoded {
  return { kind: "rejected", reason, detail: "expected an object `info`", receipt: undefined };
}

export function receiptOf(type: PushAckType, recordId: string | undefined): PushReceipt | undefined {
  return recordId === undefined ? undefined : { type, id: recordId };
}

/** PushType 2: a person at the device pushed old records again. Sendintime: 1 within 10 s, 0 buffered. */
export function saidDelivery(sendInTime: number | undefined, pushType: number | undefined): Delivery | undefined {
  if (pushType === 2) return "manual";
  if (sendInTime === undefined) return undefined;
  return sendInTime === 0 ? "late" : "live";
}

/**
 * Operator, id and the device's time as written: a factory reset starts the ids again, but not at the same second. Without an
 * id the time and what else is known must do; without both there is no key, and the record is stored however often it comes.
 */
export function keyOf(
  operator: string,
  recordId: string | undefined,
  times: readonly (string | undefined)[],
  rest: readonly (string | number | undefined)[],
): string | undefined {
  const written = times.map((time) =>
    time !== undefined && /^[\d\s.:/TZ+-]{1,40}$/.test(time) ? time.replace("T", " ") : "",
  );
  const timed = written.some((time) => time !== "");
  if (recordId === undefined && !timed) return undefined;
  const discriminators = recordId !== undefined && timed ? [] : rest.map((part) => part ?? "");
  return [operator, recordId ?? "", ...written, ...discriminators].join("|");
}
