import { type LineSettings, timingOf } from "../../drivers/serial-line/timing.ts";
import type { Tty, TtyListener } from "../../drivers/serial-line/tty.ts";
import type { ManualClock } from "./manual-clock.ts";
import { type Asked, asked, type Script } from "./modbus-frames.ts";

/** A serial port whose wire is paced by a clock that the test moves: each byte takes its time, and what overlaps, collides. */
export class VirtualTty implements Tty {
  readonly target = "/dev/virtual";
  readonly wired = true;
  script: Script;
  /** The adapter hears what it sends. */
  echo = false;
  /** `undefined` while present; else what every use of it meets. */
  broken: string | undefined;
  closed = false;
  readonly heard: Asked[] = [];
  readonly #clock: ManualClock;
  readonly #byteMs: number;
  readonly #silenceMs: number;
  #listener: TtyListener | undefined;
  /** Bytes of the input that were not read yet. */
  #input: number[] = [];

  constructor(clock: ManualClock, settings: LineSettings, script: Script) {
    this.#clock = clock;
    const timing = timingOf(settings);
    this.#byteMs = timing.wireMs(1);
    this.#silenceMs = timing.silenceMs;
    this.script = script;
  }

  listen(listener: TtyListener): void {
    this.#listener = listener;
  }

  poll(): void {
    if (this.broken !== undefined) {
      this.#listener?.lost(this.broken);
      return;
    }
    const bytes = Uint8Array.from(this.#input);
    this.#input = [];
    if (bytes.length > 0) this.#listener?.received(bytes);
  }

  write(bytes: Uint8Array): void {
    if (this.broken !== undefined) throw new Error(this.broken);
    if (this.echo) this.#send(0, bytes);
    const request = asked(bytes);
    if (request === undefined) throw new Error("the master sent a request that no slave understands");
    this.#clock.after(bytes.length * this.#byteMs, () => this.heard.push(request));
    let at = bytes.length * this.#byteMs + this.#silenceMs;
    for (const act of this.script(request)) {
      at += act.afterMs ?? 0;
      this.#send(at, act.bytes);
      at += act.bytes.length * this.#byteMs;
    }
  }

  drain(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(8 * this.#byteMs, () => resolve()));
  }

  present(): boolean {
    return this.broken === undefined;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** Puts bytes on the wire as some slave would, `afterMs` from now. */
  say(bytes: Uint8Array, afterMs = 0): void {
    this.#send(afterMs, bytes);
  }

  #send(afterMs: number, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      this.#clock.after(afterMs + (i + 1) * this.#byteMs, () => {
        if (this.closed || this.broken !== undefined) return;
        this.#input.push(byte);
        this.poll();
      });
    });
  }
}

/** Lets time pass in steps of a millisecond, with all that follows from each step. */
export async function pass(clock: ManualClock, ms: number, until: () => boolean = () => false): Promise<void> {
  for (let passed = 0; passed < ms && !until(); passed++) {
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
