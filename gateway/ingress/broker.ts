import { createServer, type Server, type Socket } from "node:net";
import type { Aedes, Client } from "aedes";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Stranger } from "../ports/devices.ts";
import type { MqttGrants } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { Admission, Verdict } from "./admission.ts";
import { BodyBudget } from "./body-budget.ts";
import { DeviceConnection } from "./device-connection.ts";
import { type DeviceEndpoint, DeviceLink } from "./device-link.ts";
import type { HeaderFault } from "./fixed-header.ts";
import { type DeadlineFault, GuardedConnection } from "./guarded-connection.ts";
import { defaultLimits, type IngressLimits } from "./limits.ts";
import { listenOn } from "./listening.ts";
import { MqttSessions } from "./mqtt-sessions.ts";
import { type Arrival, createProtocol } from "./protocol.ts";
import { SparseLog } from "./sparse-log.ts";

export interface BrokerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly admission: Admission;
  readonly limits?: Partial<IngressLimits>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/** Where devices connect (MQTT 3.1 and 3.1.1). It carries messages between a device and its session, and nowhere else. */
export interface Broker {
  readonly address: string;
  readonly port: number;
  /** Does it accept connections now? */
  listening(): boolean;
  /** A device's end for a new session; the one before it is closed. A device whose session is not there yet waits. */
  deviceMqtt(deviceId: DeviceId): DeviceEndpoint;
  /** From now on these devices may connect and no others. Who may less than before is cut off. Throws CONFIG_INVALID. */
  admit(devices: ReadonlyMap<DeviceId, MqttGrants>): void;
  strangers(): readonly Stranger[];
  /** Reads nothing more, gives what was read a second to be acknowledged, then cuts. */
  close(): Promise<void>;
}

/** Listens when it resolves. Throws PORT_IN_USE or LISTEN_REFUSED. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const broker = new DeviceBroker(options);
  await broker.start();
  return broker;
}

/** The sessions of devices that share a client get this long to be there all, ms. */
const sharedPatienceMs = 1000;

type Admitted = Extract<Verdict, { admitted: true }>;

class DeviceBroker implements Broker {
  address = "";
  port = 0;
  readonly #options: BrokerOptions;
  readonly #limits: IngressLimits;
  readonly #log: SparseLog;
  readonly #bodies: BodyBudget;
  readonly #sessions: MqttSessions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #links = new Map<DeviceId, DeviceLink>();
  readonly #arrivals = new Map<object, Arrival>();
  readonly #byAddress = new Map<string, number>();
  #closing = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#log = new SparseLog(options.clock);
    this.#bodies = new BodyBudget(this.#limits.bodiesBytes);
    this.#sessions = new MqttSessions(this.#limits.connections * 2);
    this.#aedes = createProtocol({
      limits: this.#limits,
      sessions: this.#sessions,
      arrivalOf: (conn) => this.#arrivals.get(conn),
      judge: (knock) => options.admission.judge(knock),
      open: (arrival, client, verdict) => this.#open(arrival, client, verdict),
      onFault: (arrival, detail) => this.#faulty(arrival, "protocol", detail),
    });
    // Half open: a device that has said all and closes its side is still answered.
    const tcp = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
    this.#server = createServer(tcp, (socket) => this.#arrived(socket));
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
    const bound = await listenOn(this.#server, this.#options.listen, "the broker").catch((error: unknown) => {
      this.#aedes.close();
      throw error;
    });
    // Out of file descriptors, and the like: the connections that are there go on.
    this.#server.on("error", (error: NodeJS.ErrnoException) =>
      this.#log.note("accept", (count) =>
        this.#options.logger.error({ code: error.code, count }, "the broker cannot accept connections"),
      ),
    );
    this.address = bound.address;
    this.port = bound.port;
  }

  listening(): boolean {
    return this.#server.listening;
  }

  deviceMqtt(deviceId: DeviceId): DeviceEndpoint {
    return this.#link(deviceId).attach();
  }

  admit(devices: ReadonlyMap<DeviceId, MqttGrants>): void {
    for (const deviceId of this.#options.admission.replace(devices)) {
      const link = this.#links.get(deviceId);
      link?.cut("revoked");
      if (devices.has(deviceId)) continue;
      link?.stop();
      this.#links.delete(deviceId);
    }
  }

  strangers(): readonly Stranger[] {
    return this.#options.admission.strangers();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#links.values()].map((link) => link.settle(true)));
    for (const { connection, guarded } of this.#arrivals.values()) {
      connection?.cut("closing");
      guarded.destroy();
    }
    for (const link of this.#links.values()) link.stop();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    await closed;
  }

  #link(deviceId: DeviceId): DeviceLink {
    const known = this.#links.get(deviceId);
    if (known !== undefined) return known;
    const { clock, telemetry } = this.#options;
    const link = new DeviceLink({ deviceId, clock, telemetry, limits: this.#limits });
    this.#links.set(deviceId, link);
    return link;
  }

  #arrived(socket: Socket): void {
    const { clock, telemetry } = this.#options;
    const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const fromThere = this.#byAddress.get(address) ?? 0;
    const { connections, connectionsPerAddress } = this.#limits;
    const full = this.#arrivals.size >= connections ? "connections" : undefined;
    const reason = this.#closing ? "closing" : (full ?? (fromThere >= connectionsPerAddress ? "address" : undefined));
    if (reason !== undefined) {
      telemetry.count("zhian_ingress_connections_refused_total", { reason });
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const guarded = new GuardedConnection(socket, {
      clock,
      limits: this.#limits,
      bodies: this.#bodies,
      onFault: (fault) => this.#faulty(arrival, fault),
    });
    const arrival: Arrival = { guarded, address };
    this.#arrivals.set(guarded, arrival);
    this.#byAddress.set(address, fromThere + 1);
    telemetry.gauge("zhian_ingress_connections", this.#arrivals.size);
    guarded.once("close", () => this.#left(arrival));
    this.#aedes.handle(guarded);
  }

  #left(arrival: Arrival): void {
    const { guarded, address, connection, verdict } = arrival;
    this.#arrivals.delete(guarded);
    const rest = (this.#byAddress.get(address) ?? 1) - 1;
    if (rest > 0) this.#byAddress.set(address, rest);
    else this.#byAddress.delete(address);
    this.#options.telemetry.gauge("zhian_ingress_connections", this.#arrivals.size);
    if (connection !== undefined) connection.closed();
    else if (verdict?.admitted === true) this.#options.admission.leave(verdict.clientId, verdict.by);
  }

  #faulty({ address, connection }: Arrival, reason: HeaderFault | DeadlineFault | "protocol", detail?: string): void {
    this.#options.telemetry.count("zhian_ingress_protocol_faults_total", { reason });
    const fields = { address, reason, detail, deviceId: connection?.who };
    this.#log.note(`${address}\n${reason}`, (count) =>
      this.#options.logger.warn({ ...fields, count }, "a connection was cut for what it sent"),
    );
  }

  /** A device whose rights changed while it waited for its session is not let in by the old ones. */
  async #open(arrival: Arrival, client: Client, verdict: Admitted): Promise<DeviceConnection | undefined> {
    const { admission, clock, logger, telemetry } = this.#options;
    const { clientId, sessionId, by } = verdict;
    const links = by.devices.map((deviceId) => this.#link(deviceId));
    const { guarded, address, will } = arrival;
    const served = await this.#served(links);
    if (guarded.destroyed) return undefined;
    if (!served || !admission.stillAdmits(verdict)) {
      telemetry.count("zhian_ingress_sign_ins_refused_total", { reason: "not-served" });
      return undefined;
    }
    const shared = { admission, clock, logger, telemetry, limits: this.#limits, log: this.#log };
    const mine = { guarded, client, links, account: by, address, clientId, sessionId, will };
    return new DeviceConnection({ ...shared, ...mine, sessions: this.#sessions });
  }

  /** Of several that share a client, one whose session does not come does not keep out the others. */
  async #served(links: readonly DeviceLink[]): Promise<boolean> {
    const all = Promise.all(links.map((link) => link.served()));
    if (links.length > 1) {
      const pause = new Promise<void>((resolve) => this.#options.clock.after(sharedPatienceMs, resolve));
      await Promise.race([all, pause]);
      if (links.some(({ serving }) => serving)) return true;
    }
    return (await all).some((serving) => serving);
  }
}
