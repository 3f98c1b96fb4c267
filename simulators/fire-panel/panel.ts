import type { Writable } from "node:stream";
import { gbk } from "./gbk.ts";

/** How the panel names its events. */
export const eventNames = {
  fire: "首次火警",
  fault: "设备故障",
  "fault-over": "故障恢复",
  reset: "系统复位",
  started: "声光启动",
  disabled: "设备屏蔽",
} as const;
export type PrintedEvent = keyof typeof eventNames;

export interface Printed {
  readonly event: PrintedEvent;
  readonly loop?: number | undefined;
  readonly number?: number | undefined;
  /** Where the point is, and what it is. */
  readonly place?: string | undefined;
  readonly detector?: string | undefined;
}

/** What can go wrong between the panel and us. */
export interface PrinterFaults {
  /** Bytes of noise before each message. */
  readonly noiseBytes?: number | undefined;
  /** Bytes that each message loses at its beginning, at its end. */
  readonly losesHead?: number | undefined;
  readonly losesTail?: number | undefined;
  /** The panel's clock minus the true time, ms. */
  readonly clockSkewMs?: number | undefined;
  /** A piece at a time, with so many ms between; 0 writes the whole. */
  readonly pieceMs?: number | undefined;
}

/** The printer port of a GST panel: ESC 6, date and point, ESC 9, the event and the place in GBK, two line feeds. */
export class PrinterPort {
  readonly #wire: Writable;
  readonly #utcOffsetMs: number;
  readonly #random: () => number;
  readonly #timers = new Set<NodeJS.Timeout>();
  faults: PrinterFaults = {};

  constructor(wire: Writable, random: () => number, utcOffsetMinutes = 480) {
    this.#wire = wire;
    this.#random = random;
    this.#utcOffsetMs = utcOffsetMinutes * 60_000;
  }

  print(printed: Printed, now = Date.now()): void {
    const { noiseBytes = 0, losesHead = 0, losesTail = 0, pieceMs = 0 } = this.faults;
    const bytes = this.bytes(printed, now);
    // Noise on a line that nobody drives: anything but the bytes that would begin a message.
    const noise = Array.from({ length: noiseBytes }, () => 0x80 + Math.floor(this.#random() * 0x7f));
    this.#send(Uint8Array.from([...noise, ...bytes.subarray(losesHead, bytes.length - losesTail)]), pieceMs);
  }

  bytes({ event, loop, number, place, detector }: Printed, now = Date.now()): Uint8Array {
    const local = new Date(now + this.#utcOffsetMs + (this.faults.clockSkewMs ?? 0)).toISOString();
    const when = `${local.slice(2, 10).replaceAll("-", "/")}  ${local.slice(11, 16)}`;
    const three = (value: number | undefined) => String(value ?? 0).padStart(3, "0");
    const point = loop === undefined ? "" : `${three(loop)}-${three(number)}`;
    const lines = [eventNames[event], place, detector].filter((line) => line !== undefined);
    return gbk(`\u001b6${when}\n  ${point}\n\u001b9${lines.join("\n")}\n\n`);
  }

  rest(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #send(bytes: Uint8Array, pieceMs: number): void {
    if (pieceMs === 0) {
      this.#wire.write(bytes);
      return;
    }
    const piece = 7;
    for (let at = 0; at < bytes.length; at += piece) {
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          this.#wire.write(bytes.subarray(at, at + piece));
        },
        (at / piece) * pieceMs,
      );
      this.#timers.add(timer);
    }
  }
}
