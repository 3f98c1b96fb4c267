import { z } from "zod";
import { id, numeric } from "./fields.ts";

/**
 * What every message of the dialect has. The keys named here and in records.ts are all that is ever read: pictures and
 * personal data have no name in them, and so nowhere to go.
 */
const envelopeSchema = z.object({
  operator: z.string().min(1).max(64),
  messageId: id,
  facesluiceId: id,
  DeviceID: id,
  code: numeric,
  info: z.unknown().optional(),
});

const identitySchema = z.object({ facesluiceId: id, deviceId: id, DeviceID: id });

export interface Envelope {
  readonly operator: string;
  readonly messageId: string | undefined;
  /** Every device id that the message carries, nested in `info` (real hardware) or at the top (synthetic tools). */
  readonly deviceIds: readonly string[];
  /** Of an answer to a command. */
  readonly code: number | undefined;
  readonly info: unknown;
}

export type Opened =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly reason: "bad-json" | "wrong-shape" | "too-large"; readonly detail: string };

/** Bytes to envelope. Never throws, and never repeats a received value: a JSON parser's own message quotes the input. */
export function openEnvelope(payload: Uint8Array): Opened {
  const json = withoutLongStrings(payload);
  if (json === undefined) {
    const detail = `${payload.byteLength} bytes with more than ${maxQuotes} quotes or ${maxRest} bytes beside the pictures`;
    return { ok: false, reason: "too-large", detail };
  }
  const value = parseJson(json);
  if (value === undefined) return { ok: false, reason: "bad-json", detail: describeBroken(payload, json) };
  const parsed = envelopeSchema.safeParse(value);
  if (!parsed.success) {
    return { ok: false, reason: "wrong-shape", detail: "expected an object with a text `operator`" };
  }
  const { operator, messageId, facesluiceId, DeviceID, code, info } = parsed.data;
  const identity = identitySchema.safeParse(info);
  const nested = identity.success ? [identity.data.facesluiceId, identity.data.deviceId, identity.data.DeviceID] : [];
  const deviceIds = [facesluiceId, DeviceID, ...nested].filter((each) => each !== undefined);
  return { ok: true, envelope: { operator, messageId, deviceIds, code, info } };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function describeBroken(payload: Uint8Array, json: string): string {
  if (payload.byteLength === 0) return "empty payload";
  const ends = json.trimEnd().endsWith("}");
  return `${payload.byteLength} bytes that are not JSON${ends ? "" : ", cut off before the closing brace"}`;
}

/** No field that is read is longer than this; pictures are 1,000 times as long. */
const maxString = 1024;
/** A record has some 60; a batch reply that lists 1,000 persons has 4,000. Each costs a native call. */
const maxQuotes = 20_000;
const maxRest = 256 * 1024;

const quote = 0x22;
const backslash = 0x5c;

/**
 * The JSON text with every long string emptied, so that a picture of 3 MB is skipped in the buffer by a native search and
 * never copied, decoded or parsed. Outside of strings JSON has neither quotes nor backslashes, hence quotes alone find the
 * strings. Bytes that are not UTF-8 (names in GBK) become U+FFFD. Undefined when what remains is too much.
 */
export function withoutLongStrings(payload: Uint8Array): string | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length <= maxString) return bytes.toString("utf8");
  let json = "";
  let kept = 0;
  let at = 0;
  let quotes = 0;
  for (;;) {
    const open = bytes.indexOf(quote, at);
    if (open < 0) break;
    quotes += 2;
    if (quotes > maxQuotes || json.length + open - kept > maxRest) return undefined;
    let close = bytes.indexOf(quote, open + 1);
    while (close >= 0 && escaped(bytes, close)) {
      quotes += 1;
      if (quotes > maxQuotes) return undefined;
      close = bytes.indexOf(quote, close + 1);
    }
    if (close < 0) return json + bytes.toString("utf8", kept, open + 1);
    if (close - open > maxString) {
      json += bytes.toString("utf8", kept, open + 1);
      kept = close;
    }
    at = close + 1;
  }
  return json.length + bytes.length - kept > maxRest ? undefined : json + bytes.toString("utf8", kept);
}

function escaped(bytes: Buffer, at: number): boolean {
  let from = at;
  while (bytes[from - 1] === backslash) from -= 1;
  return (at - from) % 2 === 1;
}
