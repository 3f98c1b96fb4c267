import { z } from "zod";
import type { BodyOf, Delivery } from "../../gateway/domain/observation.ts";
import { id, numeric, text } from "./fields.ts";

/** MQTT V1.25 §2.4: 1 = SnapID, 2 = RecordID, 3 = SnapOrRecordID of any other snapshot. */
type PushAckType = 1 | 2 | 3;
export interface PushReceipt {
  readonly type: PushAckType;
  readonly id: string;
}

/** A pushed record, decoded but for its times, which only the session can judge. Times are as the device wrote them. */
export interface PushedRecord {
  readonly receipt: PushReceipt | undefined;
  /** What the device itself says; undefined where it says nothing. */
  readonly delivery: Delivery | undefined;
  readonly time: string | undefined;
  /** Equal for every delivery of this record by this device; undefined where nothing tells it from another. */
  readonly dedupKey: string | undefined;
  readonly fact:
    | { readonly kind: "access.granted"; readonly passage: Passage }
    | { readonly kind: "access.denied"; readonly passage: Passage; readonly reason: "refused" | "not-registered" }
    | { readonly kind: "access.stranger"; readonly passage: Passage }
    | { readonly kind: "throw.detected"; readonly startedAt: string | undefined; readonly endedAt: string | undefined };
}

type Passage = Omit<BodyOf<"access.granted">, "delivery">;

export type Decoded =
  | { readonly kind: "record"; readonly record: PushedRecord }
  | { readonly kind: "filtered"; readonly reason: string; readonly receipt: PushReceipt | undefined }
  | {
      readonly kind: "rejected";
      readonly reason: string;
      readonly detail: string;
      readonly receipt: PushReceipt | undefined;
    };

export type Pseudonym = (personId: string) => string;

/**
 * RecPush, MQTT V1.25 §4.1. VerifyStatus: 0 nothing was verified, 1 allowed, 2 refused, 3 not registered. PersonType: 0
 * allow-list, 1 block-list. isNoMask: 0 masked *or not looked at*, 1 and 2 no mask.
 */
const recPushSchema = z.object({
  RecordID: id,
  VerifyStatus: numeric,
  PersonType: numeric,
  customId: text,
  personId: text,
  similarity1: numeric,
  isNoMask: numeric,
  Sendintime: numeric,
  PushType: numeric,
  time: text,
});

export function decodeRecPush(info: unknown, pseudonym: Pseudonym): Decoded {
  const parsed = recPushSchema.safeParse(info);
  if (!parsed.success) return withoutInfo("bad-access-record");
  const { RecordID, VerifyStatus, PersonType, similarity1, time, ...rest } = parsed.data;
  const receipt = receiptOf(2, RecordID);
  if (VerifyStatus === 0) return { kind: "filtered", reason: "no-verification", receipt };
  // The id given by the platform; a person enrolled at the device itself has only the device's own.
  const personId = rest.customId ?? rest.personId;
  const person = personId === undefined ? undefined : pseudonym(personId);
  const passage: Passage = {
    ...(person === undefined ? {} : { person }),
    ...personType(PersonType),
    ...(similarity1 !== undefined && similarity1 >= 0 && similarity1 <= 100 ? { similarity: similarity1 } : {}),
    ...mask(rest.isNoMask),
  };
  const fact = accessFact(VerifyStatus, passage);
  if (fact === undefined) {
    return { kind: "rejected", reason: "bad-access-record", detail: "expected VerifyStatus 0 to 3", receipt };
  }
  const delivery = saidDelivery(rest.Sendintime, rest.PushType);
  const dedupKey = keyOf("RecPush", RecordID, [time], [person, VerifyStatus]);
  return { kind: "record", record: { receipt, delivery, time, dedupKey, fact } };
}

function accessFact(verifyStatus: number | undefined, passage: Passage): PushedRecord["fact"] | undefined {
  switch (verifyStatus) {
    case 1:
      return { kind: "access.granted", passage };
    case 2:
      return { kind: "access.denied", passage, reason: "refused" };
    case 3:
      return { kind: "access.denied", passage, reason: "not-registered" };
    default:
      return undefined;
  }
}

/** StrSnapPush, MQTT V1.25 §4.2: a face that the device does not know. It carries no Sendintime. */
const strSnapPushSchema = z.object({
  SnapID: id,
  isNoMask: numeric,
  Sendintime: numeric,
  PushType: numeric,
  time: text,
});

export function decodeStrSnapPush(info: unknown): Decoded {
  const parsed = strSnapPushSchema.safeParse(info);
  if (!parsed.success) return withoutInfo("bad-stranger-record");
  const { SnapID, isNoMask, Sendintime, PushType, time } = parsed.data;
  const record: PushedRecord = {
    receipt: receiptOf(1, SnapID),
    delivery: saidDelivery(Sendintime, PushType),
    time,
    dedupKey: keyOf("StrSnapPush", SnapID, [time], []),
    fact: { kind: "access.stranger", passage: mask(isNoMask) },
  };
  return { kind: "record", record };
}

/** ParabolicSnapPush, MQTT V1.25 §4.4: something fell or was thrown. SnapOrRecordID is not confirmed for it. */
const parabolicSnapPushSchema = z.object({
  SnapOrRecordID: id,
  Sendintime: numeric,
  PushType: numeric,
  snapTime: text,
  startTime: text,
  endTime: text,
});

export function decodeParabolicSnapPush(info: unknown): Decoded {
  const parsed = parabolicSnapPushSchema.safeParse(info);
  if (!parsed.success) return withoutInfo("bad-throw-record");
  const { SnapOrRecordID, Sendintime, PushType, snapTime, startTime, endTime } = parsed.data;
  const record: PushedRecord = {
    receipt: receiptOf(3, SnapOrRecordID),
    delivery: saidDelivery(Sendintime, PushType),
    time: startTime ?? snapTime ?? endTime,
    dedupKey: keyOf("ParabolicSnapPush", SnapOrRecordID, [startTime, endTime, snapTime], []),
    fact: { kind: "throw.detected", startedAt: startTime, endedAt: endTime },
  };
  return { kind: "record", record };
}

const anyPushSchema = z.object({ SnapOrRecordID: id });

/** The receipt of a push that we cannot use but whose id can be read. */
export function receiptOfAnyPush(operator: string, info: unknown): PushReceipt | undefined {
  const parsed = anyPushSchema.safeParse(info);
  return operator.endsWith("Push") && parsed.success ? receiptOf(3, parsed.data.SnapOrRecordID) : undefined;
}

function withoutInfo(reason: string): Decoded {
  return { kind: "rejected", reason, detail: "expected an object `info`", receipt: undefined };
}

function receiptOf(type: PushAckType, recordId: string | undefined): PushReceipt | undefined {
  return recordId === undefined ? undefined : { type, id: recordId };
}

/** PushType 2: a person at the device pushed old records again. Sendintime: 1 within 10 s, 0 buffered. */
function saidDelivery(sendInTime: number | undefined, pushType: number | undefined): Delivery | undefined {
  if (pushType === 2) return "manual";
  if (sendInTime === undefined) return undefined;
  return sendInTime === 0 ? "late" : "live";
}

function personType(value: number | undefined): Pick<Passage, "personType"> {
  if (value === 0) return { personType: "allow-list" };
  return value === 1 ? { personType: "block-list" } : {};
}

function mask(isNoMask: number | undefined): Pick<Passage, "mask"> {
  return isNoMask === 1 || isNoMask === 2 ? { mask: false } : {};
}

/**
 * Operator, id and the device's time as written: a factory reset starts the ids again, but not at the same second. Without an
 * id the time and what else is known must do; without both there is no key, and the record is stored however often it comes.
 */
function keyOf(
  operator: string,
  recordId: string | undefined,
  times: readonly (string | undefined)[],
  rest: readonly (string | number | undefined)[],
): string | undefined {
  const written = times.map((time) => (time !== undefined && /^[\d\s.:/TZ+-]{1,40}$/.test(time) ? time : ""));
  const timed = written.some((time) => time !== "");
  if (recordId === undefined && !timed) return undefined;
  const discriminators = recordId !== undefined && timed ? [] : rest.map((part) => part ?? "");
  return [operator, recordId ?? "", ...written, ...discriminators].join("|");
}
