import type { Socket } from "node:net";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { IngestLimits } from "./ingest-limits.ts";

/** Something did not come in time. */
export type LateFault = "headers-late" | "body-late";

export interface IngestConnectionsOptions {
  readonly clock: Clock;
  readonly limits: IngestLimits;
  readonly telemetry: Telemetry;
  readonly onLate: (address: string, fault: LateFault) => void;
}

interface Connection {
  readonly address: string;
  /** Requests whose head has come and which are not answered. */
  requests: number;
  cancel: () => void;
}

export function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

/** The TCP connections of the ingest listener: how many there may be, and how long each may take for what. */
export class IngestConnections {
  readonly #options: IngestConnectionsOptions;
  readonly #open = new Map<Socket, Connection>();
  readonly #byAddress = new Map<string, number>();
  closing = false;

  constructor(options: IngestConnectionsOptions) {
    this.#options = options;
  }

  arrived(socket: Socket): void {
    const { limits, telemetry } = this.#options;
    socket.on("error", () => {});
    // Pipelined requests each listen for its end.
    socket.setMaxListeners(0);
    const address = addressOf(socket);
    const fromThere = this.#byAddress.get(address) ?? 0;
    const full = this.#open.size >= limits.connections ? "connections" : undefined;
    const reason = this.closing
      ? "closing"
      : (full ?? (fromThere >= limits.connectionsPerAddress ? "address" : undefined));
    if (reason !== undefined) {
      telemetry.count("zhian_ingest_connections_refused_total", { reason });
      socket.destroy();
      return;
    }
    const connection: Connection = { address, requests: 0, cancel: () => {} };
    this.#open.set(socket, connection);
    this.#byAddress.set(address, fromThere + 1);
    telemetry.gauge("zhian_ingest_connections", this.#open.size);
    socket.once("close", () => this.#left(socket, connection));
    this.#within(socket, limits.headersWithinMs, "headers-late");
  }

  /** The head of a request is there. */
  headed(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) connection.requests += 1;
    this.#within(socket, this.#options.limits.bodyWithinMs, "body-late");
  }

  /** Its body is there, or will not be read. */
  bodied(socket: Socket): void {
    this.#open.get(socket)?.cancel();
  }

  /** It is answered; the next may follow. Idleness is no fault. */
  answered(socket: Socket, signedIn: boolean): void {
    const { idleMs, headersWithinMs } = this.#options.limits;
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests -= 1;
    if (connection.requests > 0) return;
    this.#within(socket, signedIn ? idleMs : headersWithinMs, undefined);
  }

  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #within(socket: Socket, ms: number, fault: LateFault | undefined): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.cancel();
    connection.cancel = this.#options.clock.after(ms, () => {
      if (fault !== undefined) this.#options.onLate(connection.address, fault);
      socket.destroy();
    });
  }

  #left(socket: Socket, connection: Connection): void {
    const { address } = connection;
    connection.cancel();
    this.#open.delete(socket);
    const rest = (this.#byAddress.get(address) ?? 1) - 1;
    if (rest > 0) this.#byAddress.set(address, rest);
    else this.#byAddress.delete(address);
    this.#options.telemetry.gauge("zhian_ingest_connections", this.#open.size);
  }
}
