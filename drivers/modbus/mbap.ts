import { dataBytes, encodePdu, exceptionDetail, isWrite, type Request, valuesOf } from "./pdu.ts";

/** MODBUS messaging on TCP/IP implementation guide V1.0b, §3.1.3: transaction, protocol, length, unit. */
const headerBytes = 7;
/** Unit and PDU: a PDU has 253 bytes at most (application protocol V1.1b3, §4.1). */
const mostCounted = 254;

export function encodeAdu(transaction: number, request: Request): Uint8Array {
  const pdu = encodePdu(request);
  const counted = pdu.length + 1;
  return Uint8Array.of(transaction >> 8, transaction & 0xff, 0, 0, 0, counted, request.unit, ...pdu);
}

export interface Adu {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** Cuts a stream into ADUs. Once it has met what is none it stays broken: nobody can tell where the next one begins. */
export class AduFramer {
  #pending = new Uint8Array(0);
  #broken: string | undefined;

  /** What is wrong with the stream; absent while nothing is. */
  get broken(): string | undefined {
    return this.#broken;
  }

  push(bytes: Uint8Array): readonly Adu[] {
    if (this.#broken !== undefined) return [];
    const all = new Uint8Array(this.#pending.length + bytes.length);
    all.set(this.#pending);
    all.set(bytes, this.#pending.length);
    const adus: Adu[] = [];
    let at = 0;
    while (all.length - at >= headerBytes) {
      const view = new DataView(all.buffer, at);
      const counted = view.getUint16(4);
      if (view.getUint16(2) !== 0) this.#broken = `protocol ${view.getUint16(2)} in place of 0`;
      else if (counted < 3 || counted > mostCounted) this.#broken = `a length of ${counted}`;
      if (this.#broken !== undefined) break;
      const end = at + headerBytes - 1 + counted;
      if (end > all.length) break;
      adus.push({ transaction: view.getUint16(0), unit: view.getUint8(6), pdu: all.slice(at + headerBytes, end) });
      at = end;
    }
    this.#pending = all.slice(at);
    return adus;
  }
}

export type Reply =
  | { readonly kind: "answer"; readonly values: readonly number[] }
  | { readonly kind: "exception"; readonly code: number; readonly detail: string }
  | { readonly kind: "foreign"; readonly detail: string };

/** Is this the answer to the request? The transaction is known to be its own; all else has to be as asked, too. */
export function judgeAdu(request: Request, { unit, pdu }: Adu): Reply {
  const [fn, second = 0] = pdu;
  if (unit !== request.unit) return foreign(`unit ${unit} answered in place of ${request.unit}`);
  if (fn === (request.function | 0x80))
    return pdu.length === 2
      ? { kind: "exception", code: second, detail: exceptionDetail(second) }
      : foreign(`an exception of ${pdu.length} bytes`);
  if (fn !== request.function) return foreign(`function ${fn} in place of ${request.function}`);
  if (isWrite(request)) {
    const sent = encodePdu(request);
    const same = pdu.length === sent.length && sent.every((byte, i) => byte === pdu[i]);
    return same ? { kind: "answer", values: [] } : foreign("it confirms another write");
  }
  const length = dataBytes(request);
  if (second !== length || pdu.length !== 2 + length)
    return foreign(`${second} data bytes, ${pdu.length - 2} of them there, in place of ${length}`);
  return { kind: "answer", values: valuesOf(request, pdu.subarray(2)) };
}

function foreign(detail: string): Reply {
  return { kind: "foreign", detail };
}
