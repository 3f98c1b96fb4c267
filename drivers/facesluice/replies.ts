import type { PushReceipt } from "./records.ts";

/** MQTT V1.25 §2.1: without this the device repeats Online. */
export function onlineAck(messageId: string, deviceId: string): string {
  return JSON.stringify({ messageId, operator: "Online-Ack", info: { facesluiceId: deviceId, result: "ok" } });
}

/** MQTT V1.25 §2.4: without this the device sends the same record again after 10 s (ResumefromBreakpoint = 1). */
export function pushAck(messageId: string, receipt: PushReceipt): string {
  const info = { PushAckType: receipt.type, SnapOrRecordID: wireId(receipt.id) };
  return JSON.stringify({ operator: "PushAck", messageId, info });
}

/** A manual shows a number; an id that a number would change (leading zeros, letters, beyond 2^53) stays text. */
export function wireId(id: string): number | string {
  const number = Number(id);
  return Number.isSafeInteger(number) && String(number) === id ? number : id;
}
