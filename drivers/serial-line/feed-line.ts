import { KeptPort, type LineDeps } from "./kept-port.ts";
import type { LineSettings } from "./timing.ts";
import type { Tty } from "./tty.ts";

export interface FeedEvents {
  received(bytes: Uint8Array): void;
  changed(open: boolean): void;
}

/** A line to which one device speaks by itself. It is opened and watched as any other, and never written to. */
export class FeedLine {
  readonly id: string;
  readonly settings: LineSettings;
  readonly #port: KeptPort;
  readonly #events: FeedEvents;

  constructor(settings: LineSettings, deps: LineDeps, events: FeedEvents) {
    this.id = settings.id;
    this.settings = settings;
    this.#events = events;
    this.#port = new KeptPort(settings, deps, {
      opened: (tty) => this.#opened(tty),
      lost: () => events.changed(false),
    });
  }

  open(): boolean {
    return this.#port.state().kind === "open";
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  #opened(tty: Tty): void {
    tty.listen({
      received: (bytes) => {
        this.#port.proven();
        this.#events.received(bytes);
      },
      lost: (why) => this.#port.lose(why),
    });
    this.#events.changed(true);
  }
}
