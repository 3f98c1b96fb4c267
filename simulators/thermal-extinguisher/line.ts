import type { Duplex } from "node:stream";
import { type Random, seeded } from "../random.ts";
import { answer, fromZero, parseRequest, requestBytes, sealed, type Tables } from "./modbus.ts";

/**
 * How a unit misbehaves. `late`: the right answer after `ms`; `noise`: stray bytes before a right answer; `short`: cut off;
 * `twice`: the answer comes again; `stuck`: it goes on saying what it said first.
 */
export type Fault =
  | { readonly mode: "late"; readonly ms: number }
  | { readonly mode: "crc" | "silent" | "noise" | "short" | "exception" | "twice" | "stuck" };
export type FaultMode = Fault["mode"];

export interface LineOptions {
  readonly baudRate?: number | undefined;
  /** 10 for 8N1, 11 with parity or two stop bits. */
  readonly bitsPerByte?: number;
  /** What the units need to think, ms. */
  readonly turnaroundMs?: number;
  /** A two-wire adapter that lets the master hear itself. */
  readonly echo?: boolean;
  readonly seed?: number;
}

/** A unit on the line: its holding registers from address 0, or all its tables, as they are when it is asked. */
export type Registers = () => readonly number[] | Tables;

/**
 * Several Modbus RTU slaves on one line, at the pace of its baud rate: a request takes its time to arrive, the slave waits
 * 3.5 characters, and the answer trickles in. A pseudo-terminal itself has no pace.
 */
export class SlaveLine {
  readonly #wire: Duplex;
  readonly #byteMs: number;
  readonly #turnaroundMs: number;
  readonly #echo: boolean;
  readonly #random: Random;
  readonly #units = new Map<number, Registers>();
  readonly #faults = new Map<number, Fault>();
  /** What each said last. */
  readonly #stuck = new Map<number, Tables>();
  #received = Buffer.alloc(0);
  #gap: NodeJS.Timeout | undefined;
  /** When the line is free for the next byte to the master, ms of the monotonic clock. */
  #freeAt = 0;
  #closed = false;
  /** Requests understood, per unit. */
  readonly asked = new Map<number, number>();

  constructor(wire: Duplex, options: LineOptions = {}) {
    this.#wire = wire;
    this.#byteMs = ((options.bitsPerByte ?? 10) * 1000) / (options.baudRate ?? 9600);
    this.#turnaroundMs = options.turnaroundMs ?? 5;
    this.#echo = options.echo ?? false;
    this.#random = seeded(options.seed ?? 3);
    wire.on("data", (data: Buffer) => this.#hear(data));
    wire.on("close", () => {
      this.#closed = true;
      clearTimeout(this.#gap);
    });
  }

  attach(unit: number, registers: Registers): void {
    this.#units.set(unit, registers);
  }

  /** Absent: it works again. */
  setFault(unit: number, fault: Fault | undefined): void {
    if (fault === undefined) this.#faults.delete(unit);
    else this.#faults.set(unit, fault);
  }

  #hear(data: Buffer): void {
    if (this.#echo) this.#transmit(data, 0);
    this.#received = Buffer.concat([this.#received, data]);
    clearTimeout(this.#gap);
    for (let at = 0; at + requestBytes <= this.#received.length; ) {
      const request = parseRequest(this.#received.subarray(at, at + requestBytes));
      if (request === undefined) {
        at += 1;
        continue;
      }
      this.#received = this.#received.subarray(at + requestBytes);
      at = 0;
      this.asked.set(request.unit, (this.asked.get(request.unit) ?? 0) + 1);
      const registers = this.#units.get(request.unit);
      // Another's unit, or a broadcast, is not answered.
      if (registers !== undefined) this.#reply(request.unit, answer(request, this.#tablesOf(request.unit, registers)));
    }
    if (this.#received.length > 0) {
      // Silence ends a frame; what is left of a broken one must not spoil the next. Timers are too coarse for 3.5 characters.
      const silenceMs = Math.max(3.5 * this.#byteMs, 20);
      this.#gap = setTimeout(() => {
        this.#received = Buffer.alloc(0);
      }, silenceMs);
    }
  }

  #tablesOf(unit: number, registers: Registers): Tables {
    const stuck = this.#faults.get(unit)?.mode === "stuck" ? this.#stuck.get(unit) : undefined;
    const said = stuck ?? registers();
    const tables = "length" in said ? { holding: fromZero(said) } : said;
    this.#stuck.set(unit, tables);
    return tables;
  }

  #reply(unit: number, right: Buffer): void {
    const fault = this.#faults.get(unit);
    const afterMs = (requestBytes + 3.5) * this.#byteMs + this.#turnaroundMs;
    const bytes = fault === undefined ? right : this.#spoilt(right, fault.mode);
    if (bytes === undefined) return;
    this.#transmit(bytes, fault?.mode === "late" ? fault.ms : afterMs);
    // A radio that has heard no acknowledgement sends once more.
    if (fault?.mode === "twice") this.#transmit(bytes, afterMs + bytes.length * this.#byteMs + 20);
  }

  #spoilt(right: Buffer, mode: FaultMode): Buffer | undefined {
    switch (mode) {
      case "silent":
        return undefined;
      case "late":
      case "twice":
      case "stuck":
        return right;
      case "crc": {
        const wrong = Buffer.from(right);
        wrong.writeUInt8(wrong.readUInt8(wrong.length - 1) ^ 0x5a, wrong.length - 1);
        return wrong;
      }
      case "short":
        return right.subarray(0, right.length - 3);
      case "exception":
        // Exception 4: the device failed while it worked on it.
        return sealed([right.readUInt8(0), right.readUInt8(1) | 0x80, 4]);
      case "noise": {
        const length = 3 + Math.floor(this.#random() * 5);
        return Buffer.concat([Buffer.from(Array.from({ length }, () => this.#random() * 256)), right]);
      }
    }
  }

  /** Starts after `afterMs`, or when the line is free, and sends byte after byte at the pace of the line. */
  #transmit(bytes: Buffer, afterMs: number): void {
    const startsAt = Math.max(performance.now() + afterMs, this.#freeAt);
    this.#freeAt = startsAt + bytes.length * this.#byteMs;
    let sent = 0;
    const pump = () => {
      if (this.#closed) return;
      // A byte is there once its last bit is. Timers have a millisecond's grain, so several may be due.
      const due = Math.min(bytes.length, Math.floor((performance.now() - startsAt) / this.#byteMs + 1e-6));
      if (due > sent) this.#wire.write(bytes.subarray(sent, due));
      sent = Math.max(sent, due);
      if (sent < bytes.length) setTimeout(pump, Math.max(1, startsAt + (sent + 1) * this.#byteMs - performance.now()));
    };
    setTimeout(pump, Math.max(0, startsAt - performance.now()) + this.#byteMs);
  }
}
