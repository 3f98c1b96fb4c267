import { createConnection, type Socket } from "node:net";
import type { Clock } from "../../gateway/ports/clock.ts";
import type { Logger, Telemetry } from "../../gateway/ports/telemetry.ts";

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export interface LinkDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

export interface LinkEvents {
  opened(): void;
  received(bytes: Uint8Array): void;
  /** The connection is lost, or an attempt failed. */
  lost(why: string): void;
}

export type LinkState =
  /** Nobody has asked for anything for a while. */
  | { readonly kind: "idle" }
  | { readonly kind: "opening" }
  | { readonly kind: "open" }
  | { readonly kind: "waiting"; readonly why: string };

const reopenAfterMs = [250, 500, 1000, 2000, 4000, 8000, 15_000];
const connectWithinMs = 5000;
/** A peer that takes nothing in: what we would send is a few bytes. */
const mostUnsent = 4096;

/** One TCP connection, kept: opened anew when it is lost, with longer pauses the more often that fails. */
export class TcpLink {
  readonly #id: string;
  readonly #address: TcpAddress;
  readonly #deps: LinkDeps;
  readonly #events: LinkEvents;
  #state: LinkState = { kind: "idle" };
  #socket: Socket | undefined;
  #attempt = 0;
  #ended = false;
  #logged: string | undefined;
  #cancel = (): void => {};

  constructor(id: string, address: TcpAddress, deps: LinkDeps, events: LinkEvents) {
    this.#id = id;
    this.#address = address;
    this.#deps = deps;
    this.#events = events;
  }

  state(): LinkState {
    return this.#state;
  }

  /** Opens it where it is idle; where it waits for the next attempt, that stays as it is. */
  want(): void {
    if (this.#state.kind === "idle" && !this.#ended) this.#open();
  }

  /** Something sensible came over it: its loss begins with the short pauses again. */
  proven(): void {
    this.#attempt = 0;
  }

  /** Throws where nothing can be sent. */
  send(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (this.#state.kind !== "open" || socket === undefined) throw new Error("there is no connection");
    if (socket.writableLength > mostUnsent) throw new Error("the peer takes nothing in");
    socket.write(bytes);
  }

  /** Gives up the connection that is open now; another attempt follows by itself. */
  lose(why: string): void {
    if (this.#state.kind === "open" || this.#state.kind === "opening") this.#wait(why);
  }

  /** Nobody needs it now. */
  rest(): void {
    this.#drop();
    if (!this.#ended) this.#state = { kind: "idle" };
  }

  close(): void {
    this.#ended = true;
    this.#drop();
    this.#state = { kind: "waiting", why: "the gateway is stopping" };
    this.#events.lost("the gateway is stopping");
  }

  #open(): void {
    this.#state = { kind: "opening" };
    const socket = createConnection({
      ...this.#address,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
    });
    this.#socket = socket;
    const mine = (act: () => void) => (): void => {
      if (this.#socket === socket) act();
    };
    this.#cancel = this.#deps.clock.after(
      connectWithinMs,
      mine(() => this.#wait(`no connection within ${connectWithinMs / 1000} s`)),
    );
    socket.once(
      "connect",
      mine(() => this.#opened()),
    );
    socket.on("data", (bytes) => mine(() => this.#events.received(bytes))());
    socket.on("error", (error) => mine(() => this.#wait(error.message))());
    socket.once(
      "close",
      mine(() => this.#wait("the peer closed the connection")),
    );
  }

  #opened(): void {
    this.#cancel();
    this.#state = { kind: "open" };
    this.#logged = undefined;
    this.#deps.telemetry.count("zhian_modbus_tcp_connects_total", { line: this.#id });
    this.#deps.telemetry.gauge("zhian_modbus_tcp_open", 1, { line: this.#id });
    this.#deps.logger.info({ line: this.#id }, "Modbus TCP connected");
    this.#events.opened();
  }

  #wait(why: string): void {
    this.#drop();
    this.#state = { kind: "waiting", why };
    if (this.#logged !== why) this.#deps.logger.warn({ line: this.#id, why }, "Modbus TCP not connected");
    this.#logged = why;
    const afterMs = reopenAfterMs[Math.min(this.#attempt++, reopenAfterMs.length - 1)] ?? 0;
    this.#cancel = this.#deps.clock.after(afterMs, () => this.#open());
    this.#events.lost(why);
  }

  #drop(): void {
    this.#cancel();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    this.#deps.telemetry.gauge("zhian_modbus_tcp_open", 0, { line: this.#id });
  }
}
