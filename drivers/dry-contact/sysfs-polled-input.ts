import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../gateway/ports/clock.ts";
import { fileError } from "./gpio-error.ts";
import type { InputEvents, InputLine } from "./line-port.ts";

/** A third of the shortest debounce there is: a level that counts is seen three times. */
const everyMs = 7;

export interface PolledInputParts {
  /** `/sys/class/gpio/gpio515`. */
  readonly folder: string;
  readonly release: () => Promise<void>;
  readonly events: InputEvents;
  readonly clock: Clock;
}

/** An input whose level is read again and again: no edge interrupts us, so a pulse shorter than that may not be seen. */
export class PolledInput implements InputLine {
  readonly #parts: PolledInputParts;
  readonly #path: string;
  readonly #byte = Buffer.alloc(1);
  #file: number | undefined;
  #level: boolean | undefined;
  #cancel: () => void = () => {};
  #closed = false;

  constructor(parts: PolledInputParts) {
    this.#parts = parts;
    this.#path = join(parts.folder, "value");
  }

  recheck(): Promise<boolean | undefined> {
    try {
      this.#cancel();
      this.#forget();
      this.#level = this.#read();
      this.#again();
      return Promise.resolve(this.#level);
    } catch (cause) {
      return Promise.reject(fileError(`reading ${this.#path}`, cause));
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#forget();
    return this.#parts.release();
  }

  #again(): void {
    if (!this.#closed) this.#cancel = this.#parts.clock.after(everyMs, () => this.#poll());
  }

  #poll(): void {
    const { events, clock } = this.#parts;
    try {
      const level = this.#read();
      if (level !== undefined && level !== this.#level) events.edge(level, clock.now());
      this.#level = level ?? this.#level;
      this.#again();
    } catch (error) {
      this.#forget();
      events.deaf(String(error));
    }
  }

  #read(): boolean | undefined {
    this.#file ??= openSync(this.#path, "r");
    const found = readSync(this.#file, this.#byte, 0, 1, 0) === 1 ? this.#byte.toString("latin1") : "";
    if (found === "0" || found === "1") return found === "1";
    this.#parts.events.babble(`${this.#path} holds ${JSON.stringify(found)}, no level`, found.length);
    return undefined;
  }

  #forget(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
