import type { SerialFeed } from "../../gateway/ports/driver.ts";
import { KeptPort, type LineDeps } from "./kept-port.ts";
import type { LineSettings } from "./timing.ts";
import type { Tty } from "./tty.ts";

interface Listener {
  received(bytes: Uint8Array): void;
  changed(open: boolean): void;
}

/** A line to which one device speaks by itself. It is opened and watched as any other, and never written to. */
export class FeedLine implements SerialFeed {
  readonly id: string;
  readonly settings: LineSettings;
  readonly #port: KeptPort;
  readonly #listeners = new Set<Listener>();

  constructor(settings: LineSettings, deps: LineDeps) {
    this.id = settings.id;
    this.settings = settings;
    this.#port = new KeptPort(settings, deps, {
      opened: (tty) => this.#opened(tty),
      lost: () => this.#tell(false),
    });
  }

  /** `changed` is called at once with how it is. What comes in while nobody listens is thrown away. */
  listen(received: (bytes: Uint8Array) => void, changed: (open: boolean) => void): () => void {
    const listener: Listener = { received, changed };
    this.#listeners.add(listener);
    changed(this.open());
    return () => this.#listeners.delete(listener);
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
        for (const listener of this.#listeners) listener.received(bytes);
      },
      lost: (why) => this.#port.lose(why),
    });
    this.#tell(true);
  }

  #tell(open: boolean): void {
    for (const listener of this.#listeners) listener.changed(open);
  }
}
