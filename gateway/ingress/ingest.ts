import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Stranger } from "../ports/devices.ts";
import type { HttpGrants } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { BodyBudget } from "./body-budget.ts";
import { HttpAdmission } from "./http-admission.ts";
import { type HttpEndpoint, HttpLink } from "./http-link.ts";
import { addressOf, IngestConnections } from "./ingest-connections.ts";
import { defaultIngestLimits, type IngestLimits } from "./ingest-limits.ts";
import { IngestRequests } from "./ingest-requests.ts";
import { listenOn } from "./listening.ts";
import { SparseLog } from "./sparse-log.ts";

export interface IngestOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly limits?: Partial<IngestLimits>;
}

/** Where devices push over HTTP. It carries requests between a device and its session, and nowhere else. */
export interface Ingest {
  readonly address: string;
  readonly port: number;
  /** Does it accept connections now? */
  listening(): boolean;
  /** A device's end for a new session; the one before it is closed. Requests of a device whose session is not there yet wait. */
  deviceHttp(deviceId: DeviceId): HttpEndpoint;
  /** Throws CONFIG_INVALID where `admit` would. */
  check(devices: ReadonlyMap<DeviceId, HttpGrants>): void;
  /** From now on these devices may push and no others. Throws CONFIG_INVALID, and changes nothing. */
  admit(devices: ReadonlyMap<DeviceId, HttpGrants>): void;
  strangers(): readonly Stranger[];
  /** Takes nothing more, gives what was begun a second to be answered, then cuts. */
  close(): Promise<void>;
}

const settleWithinMs = 1000;

/** Listens when it resolves. Throws PORT_IN_USE or LISTEN_REFUSED. */
export async function startIngest(options: IngestOptions): Promise<Ingest> {
  const ingest = new IngestListener(options);
  await ingest.start();
  return ingest;
}

class IngestListener implements Ingest {
  address = "";
  port = 0;
  readonly #options: IngestOptions;
  readonly #limits: IngestLimits;
  readonly #log: SparseLog;
  readonly #admission: HttpAdmission;
  readonly #connections: IngestConnections;
  readonly #requests: IngestRequests;
  readonly #server: Server;
  readonly #links = new Map<DeviceId, HttpLink>();

  constructor(options: IngestOptions) {
    const { clock, logger, telemetry } = options;
    this.#options = options;
    this.#limits = { ...defaultIngestLimits, ...options.limits };
    this.#log = new SparseLog(clock);
    this.#admission = new HttpAdmission({ clock, logger, telemetry, nonceMs: this.#limits.nonceMs });
    this.#connections = new IngestConnections({
      clock,
      telemetry,
      limits: this.#limits,
      onLate: (address, fault) => this.#fault(address, fault),
    });
    this.#requests = new IngestRequests({
      clock,
      logger,
      telemetry,
      limits: this.#limits,
      log: this.#log,
      admission: this.#admission,
      connections: this.#connections,
      bodies: new BodyBudget(this.#limits.bodiesBytes),
      linkOf: (deviceId) => this.#link(deviceId),
    });
    this.#server = createServer({
      maxHeaderSize: this.#limits.headerBytes,
      // Cameras write their requests by hand; who is meant is told by the address that was connected to.
      requireHostHeader: false,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // Ours count by the gateway's clock.
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    });
    // A device that has said all and closes its side is still heard to the end, and answered.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    const take = (request: IncomingMessage, response: ServerResponse): void => this.#requests.take(request, response);
    this.#server.on("connection", (socket) => this.#connections.arrived(socket));
    this.#server.on("request", take);
    // It is told to go on once its device is known and its length is right.
    this.#server.on("checkContinue", take);
    this.#server.on("checkExpectation", take);
    this.#server.on("clientError", (error, socket) => this.#broken(error, socket));
  }

  async start(): Promise<void> {
    const bound = await listenOn(this.#server, this.#options.listen, "the ingest listener");
    this.#server.on("error", (error: NodeJS.ErrnoException) =>
      this.#log.note("accept", (count) =>
        this.#options.logger.error({ code: error.code, count }, "the ingest listener cannot accept connections"),
      ),
    );
    this.address = bound.address;
    this.port = bound.port;
  }

  listening(): boolean {
    return this.#server.listening;
  }

  deviceHttp(deviceId: DeviceId): HttpEndpoint {
    return this.#link(deviceId).attach();
  }

  check(devices: ReadonlyMap<DeviceId, HttpGrants>): void {
    this.#admission.check(devices);
  }

  admit(devices: ReadonlyMap<DeviceId, HttpGrants>): void {
    this.#admission.replace(devices);
    for (const [deviceId, link] of this.#links) {
      if (devices.has(deviceId)) continue;
      link.stop();
      this.#links.delete(deviceId);
    }
  }

  strangers(): readonly Stranger[] {
    return this.#admission.strangers();
  }

  async close(): Promise<void> {
    if (this.#connections.closing) return;
    this.#connections.closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(settleWithinMs, resolve);
      void this.#requests.idle().then(() => {
        cancel();
        resolve();
      });
    });
    for (const link of this.#links.values()) link.stop();
    this.#connections.destroyAll();
    await closed;
  }

  #link(deviceId: DeviceId): HttpLink {
    const known = this.#links.get(deviceId);
    if (known !== undefined) return known;
    const { clock, telemetry } = this.#options;
    const link = new HttpLink({ deviceId, clock, telemetry, limits: this.#limits });
    this.#links.set(deviceId, link);
    return link;
  }

  /** What came is no HTTP, or more than the head may have. */
  #broken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const tooBig = error.code === "HPE_HEADER_OVERFLOW";
    if (!socket.destroyed && socket instanceof Socket && error.code?.startsWith("HPE_") === true) {
      this.#fault(addressOf(socket), tooBig ? "head-too-big" : "not-http");
      const status = tooBig ? "431 Request Header Fields Too Large" : "400 Bad Request";
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
    socket.destroy();
  }

  #fault(address: string, reason: string): void {
    this.#options.telemetry.count("zhian_ingest_protocol_faults_total", { reason });
    this.#log.note(`${address}\n${reason}`, (count) =>
      this.#options.logger.warn({ address, reason, count }, "an HTTP connection was cut for what it sent"),
    );
  }
}
