import { dataBytes, isWrite, type ReadRequest, type Request } from "../modbus/pdu.ts";
import { replyBytes, shapeOf } from "./rtu-frame.ts";
import type { Timing } from "./timing.ts";

interface Trace {
  /** When the newest request of this shape had left the line, log time ms. */
  leftAt: number;
  /** When its answer was complete. Absent: it may still come. */
  answeredAt?: number;
  /** The unit has answered a later request of another shape. */
  overtaken: boolean;
  readonly replyMs: number;
}

/**
 * What may still come from one unit. Two answers of one shape look alike, so at any time at most one request of a shape
 * may be awaiting one:
 * - An unanswered request bars its shape for `lateBoundMs`, and the time that the late answer takes to come in.
 * - After that its shape is still in doubt, until the unit has answered a later request of another shape: a slave that
 *   answers in order has then sent whatever it owed from before, or never will.
 * - An answered request bars its shape for `doubleBoundMs`, for slaves and radios that send twice.
 * - Bytes that nobody asked for bar all shapes used within `lateBoundMs`.
 */
export class Traces {
  readonly #timing: Timing;
  readonly #shapes = new Map<string, Trace>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Log time ms from which a request may be written. */
  clearAt(request: Request): number {
    const trace = this.#shapes.get(shapeOf(request));
    return trace === undefined ? Number.NEGATIVE_INFINITY : this.#clearAt(trace);
  }

  /**
   * A request to send first, whose answer shows that nothing older is on its way: the same read, shorter by so much that
   * its shape is another. Absent where there is no doubt, or where no shape is in less doubt than that of the request, and
   * for a write, whose answer names what was written.
   */
  proofFor(request: Request): ReadRequest | undefined {
    if (isWrite(request) || !this.#doubted(request)) return undefined;
    let best: ReadRequest = request;
    let bestAt = this.#shapes.get(shapeOf(request))?.leftAt ?? 0;
    for (let bytes = dataBytes(request) - 1; bytes >= 1; bytes--) {
      const shorter = withDataBytes(request, bytes);
      if (shorter === undefined) continue;
      if (!this.#doubted(shorter)) return shorter;
      const leftAt = this.#shapes.get(shapeOf(shorter))?.leftAt ?? 0;
      if (leftAt < bestAt) [best, bestAt] = [shorter, leftAt];
    }
    return best === request ? undefined : best;
  }

  left(request: Request, at: number): void {
    const replyMs = this.#timing.wireMs(replyBytes(request));
    this.#shapes.set(shapeOf(request), { leftAt: at, overtaken: false, replyMs });
  }

  /** The unit answered with values. */
  answered(request: Request, at: number): void {
    for (const trace of this.#shapes.values()) trace.overtaken = true;
    const trace = this.#shapes.get(shapeOf(request));
    if (trace !== undefined) trace.answeredAt = at;
  }

  /**
   * The unit answered with an exception. That names the function alone, so it settles the request only where no other
   * request of the function may still be answered.
   */
  excepted(request: Request, at: number): void {
    const shape = shapeOf(request);
    const own = this.#shapes.get(shape);
    const [fn] = shape.split(":");
    for (const [other, trace] of this.#shapes)
      if (trace !== own && other.startsWith(`${fn}:`) && this.#clearAt(trace) > at) return;
    if (own !== undefined) own.answeredAt = at;
  }

  /** Bytes came that nobody had asked for; they may be this unit's. */
  stray(at: number): void {
    for (const trace of this.#shapes.values()) {
      if (at - trace.leftAt > this.#timing.lateBoundMs) continue;
      delete trace.answeredAt;
      trace.overtaken = false;
      trace.leftAt = at;
    }
  }

  #clearAt({ answeredAt, leftAt, replyMs }: Trace): number {
    const { lateBoundMs, doubleBoundMs, quietMs } = this.#timing;
    return answeredAt === undefined ? leftAt + lateBoundMs + replyMs + quietMs : answeredAt + doubleBoundMs;
  }

  #doubted(request: ReadRequest): boolean {
    const trace = this.#shapes.get(shapeOf(request));
    return trace !== undefined && trace.answeredAt === undefined && !trace.overtaken;
  }
}

/** The beginning of the read that has so many data bytes. */
function withDataBytes(request: ReadRequest, bytes: number): ReadRequest | undefined {
  if (request.function <= 2) return { ...request, count: bytes * 8 };
  return bytes % 2 === 0 ? { ...request, count: bytes / 2 } : undefined;
}
