import type { Client, PublishPacket } from "aedes";
import type { MqttMessage } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { Acknowledgements, type Withheld } from "./acknowledgements.ts";
import type { Account, Admission } from "./admission.ts";
import type { CutReason, DeviceLink, LinkedConnection } from "./device-link.ts";
import { describeFault } from "./fault-description.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import type { IngressLimits } from "./limits.ts";
import type { MqttSessions } from "./mqtt-sessions.ts";
import type { SparseLog } from "./sparse-log.ts";
import { presentable } from "./strangers.ts";

/** A last will as its CONNECT brought it. */
export interface StoredWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

export interface DeviceConnectionOptions {
  readonly guarded: GuardedConnection;
  readonly client: Client;
  /** Of the devices that it speaks for. */
  readonly links: readonly DeviceLink[];
  readonly account: Account;
  readonly address: string;
  readonly clientId: string;
  readonly sessionId: string;
  readonly will: StoredWill | undefined;
  readonly admission: Admission;
  readonly sessions: MqttSessions;
  readonly limits: IngressLimits;
  readonly clock: ConstructorParameters<typeof Acknowledgements>[0]["clock"];
  readonly logger: Logger;
  readonly log: SparseLog;
  readonly telemetry: Telemetry;
}

const nothing = Buffer.alloc(0);
/** Where aedes believes it publishes what a device sent. */
const sink = "$zhian/taken";

/** A device that has signed in, on one TCP connection: from its PUBLISH to the session and back to its PUBACK. */
export class DeviceConnection implements LinkedConnection {
  readonly shared: boolean;
  readonly #options: DeviceConnectionOptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscriptions = new Map<string, 0 | 1 | 2>();
  #cut = false;
  #leaving = false;
  #ready = false;

  constructor(options: DeviceConnectionOptions) {
    this.#options = options;
    this.shared = options.account.shared;
    const { clock, limits, guarded } = options;
    this.#acknowledgements = new Acknowledgements({
      clock,
      handleWithinMs: limits.handleWithinMs,
      windowMessages: limits.windowMessages,
      windowBytes: limits.windowBytes,
      onFull: (full) => (full ? guarded.shut("window") : guarded.open("window")),
      onWithheld: (withheld) => this.#withheld(withheld),
    });
    for (const link of options.links) link.arriving(this);
  }

  /** The devices that it speaks for, for a log line. */
  get who(): string {
    return this.shared ? this.#options.account.username : this.#options.account.owner;
  }

  /** A PINGREQ came. That a server is there which speaks for many says nothing of each of them. */
  sign(): void {
    if (!this.shared) for (const link of this.#options.links) link.sign();
  }

  /** CONNACK is out. */
  ready(): void {
    const { guarded, links } = this.#options;
    this.#ready = true;
    guarded.meter = (packets, bytes) => {
      const share = 1 / links.length;
      const wait = Math.max(...links.map(({ meter }) => meter.take(packets * share, bytes * share)));
      if (wait > 0) this.#count("zhian_ingress_throttled_total");
      return wait;
    };
    for (const link of links) link.signedIn(this);
    guarded.welcome();
  }

  /**
   * A PUBLISH came. `acknowledge` is called when it and all before it are durable, and never if one of them is not. aedes
   * keeps the packet for its own purposes, so its content is taken out of it.
   */
  receive(packet: PublishPacket, acknowledge: () => void): void {
    if (this.#cut) return;
    const { topic } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const takers = this.#takersOf(topic);
    if (takers.length === 0 && !this.shared) {
      const rejection = { reason: "forbidden-topic", detail: "the device may not publish on this topic" };
      for (const link of this.#options.links)
        link.refused({ ...rejection, source: presentable(topic), bytes: payload.length });
      this.cut("forbidden-topic");
      return;
    }
    if (takers.length === 0) this.#unclaimed(topic);
    const outcome = this.#deliver(packet, takers, { topic, payload, will: false, retained: packet.retain === true });
    packet.topic = sink;
    packet.payload = nothing;
    packet.retain = false;
    if (outcome === undefined) this.cut("too-many-unreleased");
    else this.#acknowledgements.hold(outcome, payload.length, acknowledge);
  }

  /** Is it granted? Then what is sent to the device on this topic reaches this connection. */
  subscribe(topic: string, qos: 0 | 1 | 2): boolean {
    const { admission, links, sessions, sessionId, client, log, logger } = this.#options;
    if (!links.some(({ deviceId }) => admission.maySubscribe(deviceId, topic))) {
      this.#count("zhian_ingress_subscriptions_refused_total");
      const fields = { deviceId: this.who, topic: presentable(topic) };
      log.note(`subscribe\n${this.who}\n${fields.topic}`, (count) =>
        logger.warn({ ...fields, count }, "a device may not subscribe to this topic"),
      );
      return false;
    }
    this.#subscriptions.set(topic, qos);
    if (!client.clean) sessions.subscribed(sessionId, topic, qos);
    return true;
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.delete(topic);
  }

  send(topic: string, payload: string, qos: 0 | 1): boolean {
    const { guarded, client, limits } = this.#options;
    const granted = this.#subscriptions.get(topic);
    if (granted === undefined || guarded.destroyed || guarded.writableLength > limits.downBytes) return false;
    const least = granted === 0 ? 0 : qos;
    client.publish({ cmd: "publish", topic, payload, qos: least, retain: false, dup: false }, () => {});
    return true;
  }

  cut(reason: CutReason): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#acknowledgements.abandon();
    this.#count("zhian_ingress_cut_total", { reason });
    this.#options.guarded.destroy();
  }

  async settle(): Promise<void> {
    const { guarded } = this.#options;
    this.#leaving = true;
    guarded.shut("closing");
    await this.#acknowledgements.idle();
    // aedes writes some of them in a later turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (guarded.destroyed) return;
    await new Promise<void>((resolve) => {
      guarded.once("close", resolve);
      guarded.end(resolve);
    });
  }

  /** The socket is closed, for whatever reason. */
  closed(): void {
    const { links, account, admission, clientId, guarded, will } = this.#options;
    this.#acknowledgements.abandon();
    admission.leave(clientId, account);
    const ended = this.#ready && !this.#cut && !this.#leaving && !guarded.saidGoodbye;
    if (ended && will !== undefined) this.#deliverWill(will);
    for (const link of links) link.signedOut(this);
  }

  /** The devices whose own grants cover the topic. */
  #takersOf(topic: string): readonly DeviceLink[] {
    const { links, admission } = this.#options;
    return links.filter(({ deviceId }) => admission.mayPublish(deviceId, topic));
  }

  #deliverWill({ topic, payload, retained }: StoredWill): void {
    for (const link of this.#takersOf(topic)) {
      // A device that is connected once more is not gone, whatever its old connection had to say.
      if (link.hasOther(this)) continue;
      this.#options.telemetry.count("zhian_ingress_wills_total", { device: link.deviceId });
      link
        .deliver({ topic, payload, retained, will: true })
        .catch((error: unknown) => this.#warn("a last will was not stored", error));
    }
  }

  /** A server that speaks for many also reports what the site has not configured. */
  #unclaimed(topic: string): void {
    const { telemetry, log, logger, admission, account, address } = this.#options;
    telemetry.count("zhian_ingress_unclaimed_total");
    admission.unclaimed(account, topic, address);
    log.note(`unclaimed\n${this.who}`, (count) =>
      logger.warn(
        { username: this.who, topic: presentable(topic), count },
        "a message belongs to no configured device",
      ),
    );
  }

  /** Undefined where the client leaves too many QoS 2 messages without their PUBREL. */
  #deliver(packet: PublishPacket, takers: readonly DeviceLink[], message: MqttMessage): Promise<void> | undefined {
    const { telemetry, sessions, sessionId, limits } = this.#options;
    for (const { deviceId } of takers) telemetry.count("zhian_ingress_messages_total", { device: deviceId });
    if (packet.qos !== 2 || packet.messageId === undefined) return handOver(takers, message);
    const before = sessions.unreleased(sessionId, packet.messageId);
    if (before !== undefined) return before;
    if (sessions.unreleasedCount(sessionId) >= limits.unreleased) return undefined;
    const outcome = handOver(takers, message);
    sessions.receive(sessionId, packet.messageId, outcome);
    return outcome;
  }

  #withheld(withheld: Withheld): void {
    const timeout = withheld.why === "timeout";
    this.#warn(
      "a message was not stored; the device is cut off, so that it sends again",
      timeout ? "timeout" : withheld.error,
    );
    this.cut(timeout ? "handle-timeout" : "not-stored");
  }

  #warn(message: string, error: unknown): void {
    const { log, logger } = this.#options;
    const fault = typeof error === "string" ? { code: error } : describeFault(error);
    log.note(`${message}\n${this.who}\n${fault.code}`, (count) =>
      logger.warn({ deviceId: this.who, ...fault, count }, message),
    );
  }

  #count(name: string, labels: Readonly<Record<string, string>> = {}): void {
    const { telemetry, links } = this.#options;
    for (const { deviceId } of links) telemetry.count(name, { device: deviceId, ...labels });
  }
}

/** To each of them at once; resolves when all are done with it. */
function handOver(takers: readonly DeviceLink[], message: MqttMessage): Promise<void> {
  const [only, ...others] = takers;
  if (only !== undefined && others.length === 0) return only.deliver(message);
  return Promise.all(takers.map((link) => link.deliver(message))).then(() => {});
}
