import { z } from "zod";
import { id, numeric, text } from "./fields.ts";
import { type Decoded, type Fact, keyOf, type Passage, receiptOf, saidDelivery, withoutInfo } from "./records.ts";

export type Pseudonym = (personId: string) => string;

/**
 * RecPush, MQTT V1.25 §4.1. VerifyStatus: 0 nothing was verified, 1 allowed, 2 refused, 3 not registered. PersonType: 0
 * allow-list, 1 block-list. isNoMask: 0 masked *or not looked at*, 1 and 2 no mask. Where the face stood in the picture is not
 * read, nor what old terminals measured on it.
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
  const { RecordID, VerifyStatus, PersonType, similarity1, customId, personId, time, isNoMask, ...said } = parsed.data;
  return verification("RecPush", {
    recordId: RecordID,
    status: VerifyStatus,
    type: PersonType,
    // The id given by the platform; a person enrolled at the device itself has only the device's own.
    person: pseudonymOf(customId ?? personId, pseudonym),
    similarity: similarity1,
    rest: mask(isNoMask),
    sendInTime: said.Sendintime,
    pushType: said.PushType,
    time,
  });
}

/** VerifyPush, HTTP V1.13 §3.3.2: the same record by other names. VerfyType (sic): 1 face, 2 id card, 3 both. */
const verifyPushSchema = z.object({
  nRecordIndex: id,
  VerifyStatus: numeric,
  VerfyType: numeric,
  PersonType: numeric,
  CustomizeID: text,
  PersonUUID: text,
  PersonID: text,
  Similarity1: numeric,
  isNoMask: numeric,
  Sendintime: numeric,
  PushType: numeric,
  CreateTime: text,
});

export function decodeVerifyPush(info: unknown, pseudonym: Pseudonym): Decoded {
  const parsed = verifyPushSchema.safeParse(info);
  if (!parsed.success) return withoutInfo("bad-access-record");
  const { CustomizeID, PersonUUID, PersonID, ...record } = parsed.data;
  // A customised id "cannot be 0" (§2.1): it is what is sent where nobody was recognised.
  const given = CustomizeID === "0" ? undefined : CustomizeID;
  return verification("VerifyPush", {
    recordId: record.nRecordIndex,
    status: record.VerifyStatus,
    type: record.PersonType,
    person: pseudonymOf(given ?? PersonUUID ?? PersonID, pseudonym),
    similarity: record.Similarity1,
    rest: { ...mask(record.isNoMask), ...method(record.VerfyType) },
    sendInTime: record.Sendintime,
    pushType: record.PushType,
    time: record.CreateTime,
  });
}

interface Verification {
  readonly recordId: string | undefined;
  readonly status: number | undefined;
  readonly type: number | undefined;
  readonly person: string | undefined;
  readonly similarity: number | undefined;
  readonly rest: Passage;
  readonly sendInTime: number | undefined;
  readonly pushType: number | undefined;
  readonly time: string | undefined;
}

function verification(operator: string, given: Verification): Decoded {
  const { recordId, status, type, person, similarity, rest, time } = given;
  const receipt = receiptOf(2, recordId);
  if (status === 0) return { kind: "filtered", reason: "no-verification", receipt };
  const passage: Passage = {
    ...(person === undefined ? {} : { person }),
    ...personType(type),
    ...(similarity !== undefined && similarity >= 0 && similarity <= 100 ? { similarity } : {}),
    ...rest,
  };
  const fact = accessFact(status, passage);
  if (fact === undefined) {
    return { kind: "rejected", reason: "bad-access-record", detail: "expected VerifyStatus 0 to 3", receipt };
  }
  const delivery = saidDelivery(given.sendInTime, given.pushType);
  const dedupKey = keyOf(operator, recordId, [time], [person, status]);
  return { kind: "record", record: { receipt, delivery, time, dedupKey, facts: [fact] } };
}

function accessFact(status: number | undefined, passage: Passage): Fact | undefined {
  switch (status) {
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
  return stranger("StrSnapPush", SnapID, time, mask(isNoMask), saidDelivery(Sendintime, PushType));
}

/** SnapPush, HTTP V1.13 §3.3.1: a face that is not known; with an AlarmAction (§3.3.3) it is a breach of rules at work instead. */
const snapPushSchema = z.object({
  nRecordIndex: id,
  AlarmAction: text,
  isNoMask: numeric,
  Sendintime: numeric,
  PushType: numeric,
  CreateTime: text,
});

export function decodeSnapPush(info: unknown): Decoded {
  const parsed = snapPushSchema.safeParse(info);
  if (!parsed.success) return withoutInfo("bad-stranger-record");
  const { nRecordIndex, AlarmAction, isNoMask, Sendintime, PushType, CreateTime } = parsed.data;
  if (AlarmAction !== undefined) {
    return { kind: "filtered", reason: "violation", receipt: receiptOf(1, nRecordIndex) };
  }
  return stranger("SnapPush", nRecordIndex, CreateTime, mask(isNoMask), saidDelivery(Sendintime, PushType));
}

function stranger(
  operator: string,
  snapId: string | undefined,
  time: string | undefined,
  passage: Passage,
  delivery: ReturnType<typeof saidDelivery>,
): Decoded {
  const dedupKey = keyOf(operator, snapId, [time], []);
  const facts: readonly Fact[] = [{ kind: "access.stranger", passage }];
  return { kind: "record", record: { receipt: receiptOf(1, snapId), delivery, time, dedupKey, facts } };
}

function pseudonymOf(personId: string | undefined, pseudonym: Pseudonym): string | undefined {
  return personId === undefined ? undefined : pseudonym(personId);
}

function personType(value: number | undefined): Pick<Passage, "personType"> {
  if (value === 0) return { personType: "allow-list" };
  return value === 1 ? { personType: "block-list" } : {};
}

function mask(isNoMask: number | undefined): Pick<Passage, "mask"> {
  return isNoMask === 1 || isNoMask === 2 ? { mask: false } : {};
}

function method(verfyType: number | undefined): Pick<Passage, "method"> {
  if (verfyType === 2) return { method: "card" };
  return verfyType === 1 || verfyType === 3 ? { method: "face" } : {};
}
