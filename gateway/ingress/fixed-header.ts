import type { IngressLimits } from "./limits.ts";

/** Why a byte stream is not MQTT as a device may speak it. */
export type HeaderFault = "too-big" | "malformed-length" | "not-connect-first" | "second-connect" | "unexpected-packet";

/** Where a scan stopped, and why there. `end`: the chunk is used up. */
export interface Scan {
  readonly stop: "end" | "connect-done" | "large-begun" | "large-done" | "fault";
  /** Offset of the first byte that was not scanned. */
  readonly at: number;
  readonly fault?: HeaderFault;
  /** Remaining length of the large packet that began. */
  readonly bytes?: number;
}

/** Packets with more than this are worth a budget; smaller ones fit into what a socket buffers anyway. */
export const largeBytes = 64 * 1024;

const connect = 1;
const publish = 3;
const disconnect = 14;

/**
 * Reads the fixed headers of an MQTT 3.1.1 stream (§2.2) as it passes, also when it comes byte by byte. It looks at
 * no body and keeps none, so that a length is judged before anything of that length is held in memory.
 */
export class FixedHeaderScanner {
  /** Packets whose header was complete. */
  packets = 0;
  /** A DISCONNECT came: the device says goodbye, and its will is void (§3.14.4). */
  goodbye = false;
  readonly #most: readonly (number | undefined)[];
  #phase: "type" | "length" | "body" = "type";
  #type = 0;
  #length = 0;
  #lengthBytes = 0;
  #left = 0;
  #large = false;

  constructor(limits: Pick<IngressLimits, "packetBytes" | "controlBytes">) {
    const control = limits.controlBytes;
    // By packet type, §2.2.1; absent: a client may not send it.
    this.#most = [
      undefined,
      control,
      undefined,
      limits.packetBytes,
      2,
      2,
      2,
      2,
      control,
      undefined,
      control,
      undefined,
      0,
      undefined,
      0,
      undefined,
    ];
  }

  /** Goes on at `from`. After a fault the connection has to be cut; the scanner is of no more use. */
  scan(chunk: Uint8Array, from: number): Scan {
    let at = from;
    while (at < chunk.length) {
      if (this.#phase === "body") {
        const step = Math.min(this.#left, chunk.length - at);
        at += step;
        this.#left -= step;
        if (this.#left > 0) break;
        this.#phase = "type";
        if (this.#type === connect) return { stop: "connect-done", at };
        if (this.#large) return { stop: "large-done", at };
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      const header = this.#phase === "type" ? this.#typeByte(byte) : this.#lengthByte(byte);
      if (header === "incomplete") continue;
      if (header !== "complete") return { stop: "fault", at, fault: header };
      if (this.#large) return { stop: "large-begun", at, bytes: this.#left };
      if (this.#left === 0 && this.#type === connect) return { stop: "connect-done", at };
    }
    return { stop: "end", at };
  }

  #typeByte(byte: number): HeaderFault | "incomplete" {
    this.#type = byte >> 4;
    this.#phase = "length";
    this.#length = 0;
    this.#lengthBytes = 0;
    // §3.1: the first packet is a CONNECT, and there is no second. TLS begins with 0x16, a CONNECT with wrong flags.
    if (this.packets === 0) return byte === 0x10 ? "incomplete" : "not-connect-first";
    if (this.#type === connect) return "second-connect";
    return this.#most[this.#type] === undefined ? "unexpected-packet" : "incomplete";
  }

  /** §2.2.3: seven bits a byte, the least significant first, at most four bytes. */
  #lengthByte(byte: number): HeaderFault | "incomplete" | "complete" {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if ((byte & 0x80) !== 0) return this.#lengthBytes === 4 ? "malformed-length" : "incomplete";
    if (this.#length > (this.#most[this.#type] ?? 0)) return "too-big";
    this.packets += 1;
    if (this.#type === disconnect) this.goodbye = true;
    this.#left = this.#length;
    this.#large = this.#type === publish && this.#length > largeBytes;
    this.#phase = this.#left > 0 ? "body" : "type";
    return "complete";
  }
}
