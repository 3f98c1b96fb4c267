import { dataBytes, encodePdu, exceptionDetail, isWrite, type Request, valuesOf } from "../modbus/pdu.ts";
import { hasValidCrc, withCrc } from "./crc16.ts";

/** Of every request that we send. */
export const requestBytes = 8;

/** Throws RangeError on what no slave can be asked. Unit 0 would be a broadcast, which nobody answers. */
export function encodeRequest(request: Request): Uint8Array {
  const { unit } = request;
  if (!Number.isInteger(unit) || unit < 1 || unit > 247) throw new RangeError(`unit ${unit} is not within 1–247`);
  return withCrc(Uint8Array.of(unit, ...encodePdu(request)));
}

/** Bytes of the whole answer: of a read unit, function, byte count, data and checksum; of a write those of the request. */
export function replyBytes(request: Request): number {
  return isWrite(request) ? requestBytes : 5 + dataBytes(request);
}

/**
 * Answers to requests of one unit and one shape cannot be told apart: the answer to a read names neither address nor
 * request, that to a write names both.
 */
export function shapeOf(request: Request): string {
  const { function: fn } = request;
  return isWrite(request) ? `${fn}:${request.address}=${request.value}` : `${fn}:${dataBytes(request)}`;
}

export type Verdict =
  | { readonly kind: "incomplete" }
  /** Registers, or bits as 0 and 1, as many as were asked; none of a write. */
  | { readonly kind: "answer"; readonly values: readonly number[] }
  | { readonly kind: "exception"; readonly detail: string }
  | { readonly kind: "wrong"; readonly why: "bad-crc" | "foreign"; readonly detail: string };

export interface Hearing {
  /** Does the line hear itself? Absent: not known. Then a write needs two copies of itself, since one may be the echo. */
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
 * of exactly that length, with a sound checksum, begun after the request had left, is one. A copy of a read is never
 * taken for its answer: an answer to a read of bits can look the same.
 */
export function judge(request: Request, received: Uint8Array, hearing: Hearing): Judgement {
  if (isWrite(request) && hearing.echo === false) {
    const early = received.length > 0 && hearing.early > 0;
    return { verdict: early ? tooEarly() : judgeReply(request, received), echoed: false };
  }
  const sent = encodeRequest(request);
  const common = sent.findIndex((byte, i) => byte !== received[i]);
  const echoed = common === -1;
  if (!echoed && common === received.length) return { verdict: { kind: "incomplete" }, echoed };
  if (echoed && hearing.echo === false)
    return { verdict: foreign("the request itself came back, though `echo: false` is set"), echoed };
  if (!echoed && hearing.echo === true)
    return { verdict: foreign("the request did not come back whole, though the line hears itself"), echoed };
  if (hearing.early > (echoed ? sent.length : 0)) return { verdict: tooEarly(), echoed };
  return { verdict: judgeReply(request, echoed ? received.subarray(sent.length) : received), echoed };
}

function judgeReply(request: Request, reply: Uint8Array): Verdict {
  const [unit, fn, third = 0] = reply;
  if (unit === undefined) return { kind: "incomplete" };
  if (unit !== request.unit) return foreign(`unit ${unit} answered in place of ${request.unit}`);
  if (fn === undefined) return { kind: "incomplete" };
  const exception = fn === (request.function | 0x80);
  if (!exception && fn !== request.function) return foreign(`function ${fn} in place of ${request.function}`);
  if (reply.length < 3) return { kind: "incomplete" };
  if (!exception && !isWrite(request) && third !== dataBytes(request))
    return foreign(`${third} data bytes in place of ${dataBytes(request)}`);
  const length = exception ? 5 : replyBytes(request);
  if (reply.length < length) return { kind: "incomplete" };
  if (reply.length > length) return foreign(`${reply.length} bytes in place of ${length}`);
  if (!hasValidCrc(reply)) return { kind: "wrong", why: "bad-crc", detail: `${length} bytes with a wrong checksum` };
  if (exception) return { kind: "exception", detail: exceptionDetail(third) };
  if (!isWrite(request)) return { kind: "answer", values: valuesOf(request, reply.subarray(3, -2)) };
  const same = encodeRequest(request).every((byte, i) => byte === reply[i]);
  return same ? { kind: "answer", values: [] } : foreign("it confirms another write");
}

function tooEarly(): Verdict {
  return foreign("it began before the request had left the line");
}

function foreign(detail: string): Verdict {
  return { kind: "wrong", why: "foreign", detail };
}
