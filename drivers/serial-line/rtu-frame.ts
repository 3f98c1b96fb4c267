import { hasValidCrc, withCrc } from "./crc16.ts";

/** 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers (MODBUS application protocol V1.1b3, §6.1–6.4). */
export type ReadFunction = 1 | 2 | 3 | 4;

export interface ReadRequest {
  /** 1–247. 0 would be a broadcast, which nobody answers. */
  readonly unit: number;
  readonly function: ReadFunction;
  /** 0–65535, as on the wire: register 40001 of a data sheet is function 3, address 0. */
  readonly address: number;
  readonly count: number;
}

export const requestBytes = 8;

const exceptionNames: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "server device failure",
  5: "acknowledge",
  6: "server device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target device failed to respond",
};

/** Throws RangeError on what no slave can be asked. */
export function encodeRequest({ unit, function: fn, address, count }: ReadRequest): Uint8Array {
  const most = fn <= 2 ? 2000 : 125;
  if (!Number.isInteger(unit) || unit < 1 || unit > 247) throw new RangeError(`unit ${unit} is not within 1–247`);
  if (!Number.isInteger(count) || count < 1 || count > most) throw new RangeError(`count ${count} is not 1–${most}`);
  if (!Number.isInteger(address) || address < 0 || address + count > 0x1_0000)
    throw new RangeError(`address ${address} with count ${count} is not within 0–65535`);
  return withCrc(Uint8Array.of(unit, fn, address >> 8, address & 0xff, count >> 8, count & 0xff));
}

/** Data bytes of the answer. */
export function dataBytes({ function: fn, count }: ReadRequest): number {
  return fn <= 2 ? Math.ceil(count / 8) : 2 * count;
}

/** Bytes of the whole answer: unit, function, byte count, data, checksum. */
export function replyBytes(request: ReadRequest): number {
  return 5 + dataBytes(request);
}

/** Answers to requests of one unit and one shape cannot be told apart: an RTU answer names neither address nor request. */
export function shapeOf(request: ReadRequest): string {
  return `${request.function}:${dataBytes(request)}`;
}

export type Verdict =
  | { readonly kind: "incomplete" }
  /** Registers, or bits as 0 and 1, as many as were asked. */
  | { readonly kind: "answer"; readonly values: readonly number[] }
  | { readonly kind: "exception"; readonly detail: string }
  | { readonly kind: "wrong"; readonly why: "bad-crc" | "foreign"; readonly detail: string };

export interface Hearing {
  /** As set for the line; absent: not known. */
  readonly echo?: boolean | undefined;
  /** How many of the bytes came in before the request can have left the line. */
  readonly early: number;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Our own request came back in front. */
  readonly echoed: boolean;
}

/**
 * Is what came in after a request its answer, so far? Only a single frame of the unit, function and byte count asked for,
 * of exactly that length, with a sound checksum, begun after the request had left, is one. A copy of the request is never
 * taken for an answer: an answer to a read of bits can look the same.
 */
export function judge(request: ReadRequest, received: Uint8Array, hearing: Hearing): Judgement {
  const sent = encodeRequest(request);
  const common = sent.findIndex((byte, i) => byte !== received[i]);
  const echoed = common === -1;
  if (!echoed && common === received.length) return { verdict: { kind: "incomplete" }, echoed };
  if (echoed && hearing.echo === false)
    return { verdict: foreign("the request itself came back, though `echo: false` is set"), echoed };
  if (!echoed && hearing.echo === true)
    return { verdict: foreign("the request did not come back whole, though `echo: true` is set"), echoed };
  if (hearing.early > (echoed ? sent.length : 0))
    return { verdict: foreign("it began before the request had left the line"), echoed };
  return { verdict: judgeReply(request, echoed ? received.subarray(sent.length) : received), echoed };
}

function judgeReply(request: ReadRequest, reply: Uint8Array): Verdict {
  const [unit, fn, third = 0] = reply;
  if (unit === undefined) return { kind: "incomplete" };
  if (unit !== request.unit) return foreign(`unit ${unit} answered in place of ${request.unit}`);
  if (fn === undefined) return { kind: "incomplete" };
  const exception = fn === (request.function | 0x80);
  if (!exception && fn !== request.function) return foreign(`function ${fn} in place of ${request.function}`);
  if (reply.length < 3) return { kind: "incomplete" };
  if (!exception && third !== dataBytes(request))
    return foreign(`${third} data bytes in place of ${dataBytes(request)}`);
  const length = exception ? 5 : replyBytes(request);
  if (reply.length < length) return { kind: "incomplete" };
  if (reply.length > length) return foreign(`${reply.length} bytes in place of ${length}`);
  if (!hasValidCrc(reply)) return { kind: "wrong", why: "bad-crc", detail: `${length} bytes with a wrong checksum` };
  if (exception)
    return { kind: "exception", detail: `exception ${third}: ${exceptionNames[third] ?? "not in the standard"}` };
  return { kind: "answer", values: decode(request, reply.subarray(3, -2)) };
}

function decode({ function: fn, count }: ReadRequest, data: Uint8Array): readonly number[] {
  const byte = (i: number) => data[i] ?? 0;
  return Array.from({ length: count }, (_, i) =>
    fn <= 2 ? (byte(i >> 3) >> (i & 7)) & 1 : (byte(2 * i) << 8) | byte(2 * i + 1),
  );
}

function foreign(detail: string): Verdict {
  return { kind: "wrong", why: "foreign", detail };
}
