import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import type { BodyBudget, BodyLease } from "./body-budget.ts";
import { FixedHeaderScanner, type HeaderFault } from "./fixed-header.ts";
import type { IngressLimits } from "./limits.ts";

/** Why a connection is not read for now. */
export type Gate = "sign-in" | "bodies" | "rate" | "window" | "closing";

const gateBits: Record<Gate, number> = { "sign-in": 1, bodies: 2, rate: 4, window: 8, closing: 16 };

/** Something did not come in time. */
export type DeadlineFault = "connect-late" | "packet-late";

export interface GuardOptions {
  readonly clock: Clock;
  readonly limits: IngressLimits;
  readonly bodies: BodyBudget;
  /** The stream broke a rule, or a deadline passed. Called once; the connection is destroyed after it. */
  readonly onFault: (fault: HeaderFault | DeadlineFault) => void;
}

/**
 * A device's socket as the broker gets to see it. Everything that comes in passes the fixed-header scanner first, and
 * is read from the socket only as fast as it is taken, and only while no gate is shut: back-pressure goes down to TCP.
 * What follows the CONNECT is not handed on before `welcome`.
 */
export class GuardedConnection extends Duplex {
  /** Charged with each chunk after the sign-in; answers how many ms to wait before the next read. */
  meter: ((packets: number, bytes: number) => number) | undefined;
  readonly #socket: Socket;
  readonly #options: GuardOptions;
  readonly #scanner: FixedHeaderScanner;
  #gates = 0;
  #wanted = false;
  #ended = false;
  #passing = false;
  #rest: Buffer | undefined;
  #lease: BodyLease | undefined;
  #cancelDeadline: () => void;
  #cancelPause: () => void = () => {};

  constructor(socket: Socket, options: GuardOptions) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#options = options;
    this.#scanner = new FixedHeaderScanner(options.limits);
    this.#cancelDeadline = options.clock.after(options.limits.connectWithinMs, () => this.#fault("connect-late"));
    socket.on("readable", () => this.#pump());
    socket.on("end", () => {
      this.#ended = true;
      this.#pump();
    });
    socket.on("error", () => this.destroy());
    socket.on("close", () => {
      if (!this.#ended) this.destroy();
    });
  }

  /** A DISCONNECT was received. */
  get saidGoodbye(): boolean {
    return this.#scanner.goodbye;
  }

  /** The CONNECT was accepted: the rest may follow. */
  welcome(): void {
    this.open("sign-in");
  }

  shut(gate: Gate): void {
    this.#gates |= gateBits[gate];
  }

  open(gate: Gate): void {
    if ((this.#gates & gateBits[gate]) === 0) return;
    this.#gates &= ~gateBits[gate];
    this.#pump();
  }

  override _read(): void {
    this.#wanted = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#cancelDeadline();
    this.#cancelPause();
    this.#lease?.release();
    this.#rest = undefined;
    this.#socket.destroy();
    done(error);
  }

  #pump(): void {
    // A gate that opens while a chunk is being passed must not let the next one overtake its rest.
    if (this.#passing) return;
    this.#passing = true;
    while (this.#wanted && this.#gates === 0 && !this.destroyed) {
      const chunk: Buffer | null = this.#rest ?? this.#socket.read();
      if (chunk === null) break;
      this.#rest = undefined;
      this.#pass(chunk);
    }
    this.#passing = false;
    if (this.#ended && this.#gates === 0 && this.#rest === undefined && !this.readableEnded) this.push(null);
  }

  #pass(chunk: Buffer): void {
    const before = this.#scanner.packets;
    let at = 0;
    while (at < chunk.length && this.#gates === 0) {
      const scan = this.#scanner.scan(chunk, at);
      at = scan.at;
      if (scan.fault !== undefined) {
        this.#fault(scan.fault);
        return;
      }
      if (scan.stop === "connect-done") this.#connectDone();
      else if (scan.stop === "large-begun") this.#largeBegun(scan.bytes ?? 0);
      else if (scan.stop === "large-done") this.#largeDone();
    }
    if (at < chunk.length) this.#rest = chunk.subarray(at);
    const wait = this.meter?.(this.#scanner.packets - before, at) ?? 0;
    if (wait > 0) this.#pause(wait);
    this.#wanted = this.push(at < chunk.length ? chunk.subarray(0, at) : chunk);
  }

  #connectDone(): void {
    this.#cancelDeadline();
    // The broker would run what it queued before CONNACK after what it reads later; so it gets nothing before it.
    this.shut("sign-in");
  }

  #largeBegun(bytes: number): void {
    this.shut("bodies");
    this.#lease = this.#options.bodies.acquire(bytes, () => {
      const { clock, limits } = this.#options;
      this.#cancelDeadline = clock.after(limits.packetWithinMs, () => this.#fault("packet-late"));
      this.open("bodies");
    });
  }

  #largeDone(): void {
    this.#cancelDeadline();
    this.#lease?.release();
    this.#lease = undefined;
  }

  #pause(ms: number): void {
    this.shut("rate");
    this.#cancelPause = this.#options.clock.after(ms, () => this.open("rate"));
  }

  #fault(fault: HeaderFault | DeadlineFault): void {
    if (this.destroyed) return;
    this.#options.onFault(fault);
    this.destroy();
  }
}
