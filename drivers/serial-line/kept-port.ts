import type { Clock } from "../../gateway/ports/clock.ts";
import type { Logger, Telemetry } from "../../gateway/ports/telemetry.ts";
import type { LineSettings } from "./timing.ts";
import type { OpenTty, Tty } from "./tty.ts";

export interface LineDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly openTty: OpenTty;
}

export interface KeptPortEvents {
  opened(tty: Tty): void;
  /** The port is lost, or an attempt to open it failed. */
  lost(why: string): void;
}

export type PortState =
  | { readonly kind: "opening" }
  | { readonly kind: "open"; readonly tty: Tty }
  | { readonly kind: "waiting"; readonly why: string };

const reopenAfterMs = [250, 500, 1000, 2000, 4000, 5000];
/** serialport tells nothing of an unplugged port that nobody uses (serialport/node-serialport#2043). */
const watchEveryMs = 1000;

/** Keeps a serial port open: watches it, and opens it anew, by its path as it then resolves, when it is lost. */
export class KeptPort {
  readonly #settings: LineSettings;
  readonly #deps: LineDeps;
  readonly #events: KeptPortEvents;
  #state: PortState = { kind: "opening" };
  #attempt = 0;
  #since: number;
  #opened = 0;
  #ended = false;
  #logged: string | undefined;
  #opening: Promise<void> = Promise.resolve();
  #closing: Promise<void> = Promise.resolve();
  #cancel = (): void => {};

  constructor(settings: LineSettings, deps: LineDeps, events: KeptPortEvents) {
    this.#settings = settings;
    this.#deps = deps;
    this.#events = events;
    this.#since = deps.clock.now();
    this.#open();
  }

  state(): PortState {
    return this.#state;
  }

  /** Log time ms since when it is open, or is not. */
  since(): number {
    return this.#since;
  }

  /** How often it was opened. */
  opened(): number {
    return this.#opened;
  }

  /** Something sensible came through it: its loss begins with the short waits again. */
  proven(): void {
    this.#attempt = 0;
  }

  /** Gives up the port that is open now; another attempt follows by itself. */
  lose(why: string): void {
    if (this.#state.kind !== "open") return;
    this.#closing = this.#state.tty.close();
    this.#since = this.#deps.clock.now();
    this.#count("losses_total");
    this.#wait(why);
  }

  /** Gives the port back for good. Resolves when the system has it. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#cancel();
    this.lose("the line was closed");
    this.#cancel();
    await this.#opening;
    await this.#closing;
  }

  #open(): void {
    this.#state = { kind: "opening" };
    this.#opening = this.#closing
      .then(() => this.#deps.openTty(this.#settings))
      .then(
        (tty) => this.#gotOpen(tty),
        (error: unknown) => {
          if (!this.#ended) this.#wait(error instanceof Error ? error.message : String(error));
        },
      );
  }

  #gotOpen(tty: Tty): void {
    if (this.#ended) {
      this.#closing = tty.close();
      return;
    }
    this.#state = { kind: "open", tty };
    this.#since = this.#deps.clock.now();
    this.#opened++;
    this.#logged = undefined;
    this.#count("opens_total");
    this.#deps.telemetry.gauge("zhian_serial_open", 1, { line: this.#settings.id });
    this.#deps.logger.info({ line: this.#settings.id, device: tty.target }, "serial line open");
    this.#watch(tty);
    this.#events.opened(tty);
  }

  #watch(tty: Tty): void {
    this.#cancel = this.#deps.clock.after(watchEveryMs, () => {
      if (tty.present()) this.#watch(tty);
      else this.lose(`${this.#settings.path} does not lead to the open device any more`);
    });
  }

  #wait(why: string): void {
    this.#cancel();
    this.#state = { kind: "waiting", why };
    this.#deps.telemetry.gauge("zhian_serial_open", 0, { line: this.#settings.id });
    if (this.#logged !== why && !this.#ended)
      this.#deps.logger.warn({ line: this.#settings.id, path: this.#settings.path, why }, "serial line not open");
    this.#logged = why;
    const last = reopenAfterMs.length - 1;
    const afterMs = reopenAfterMs[Math.min(this.#attempt++, last)] ?? 0;
    if (!this.#ended) this.#cancel = this.#deps.clock.after(afterMs, () => this.#open());
    this.#events.lost(why);
  }

  #count(name: string): void {
    this.#deps.telemetry.count(`zhian_serial_${name}`, { line: this.#settings.id });
  }
}
