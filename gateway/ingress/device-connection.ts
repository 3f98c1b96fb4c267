import type { Client, PublishPacket } from "aedes";
import type { MqttMessage } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { Acknowledgements, type Withheld } from "./acknowledgements.ts";
import type { Admission } from "./admission.ts";
import type { CutReason, DeviceLink, LinkedConnection } from "./device-link.ts";
import { describeFault } from "./fault-description.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import type { IngressLimits } from "./limits.ts";
import type { MqttSessions } from "./mqtt-sessions.ts";
import type { StoredWill } from "./protocol.ts";
import type { SparseLog } from "./sparse-log.ts";
import { presentable } from "./strangers.ts";

export interface DeviceConnectionOptions {
  readonly guarded: GuardedConnection;
  readonly client: Client;
  readonly link: DeviceLink;
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
  readonly #options: DeviceConnectionOptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscriptions = new Map<string, 0 | 1 | 2>();
  #cut = false;
  #leaving = false;
  #ready = false;

  constructor(options: DeviceConnectionOptions) {
    this.#options = options;
    const { clock, limits, guarded } = options;
    this.#acknowledgements = new Acknowledgements({
      clock,
      handleWithinMs: limits.handleWithinMs,
      windowMessages: limits.windowMessages,
      windowBytes: limits.windowBytes,
      onFull: (full) => (full ? guarded.shut("window") : guarded.open("window")),
      onWithheld: (withheld) => this.#withheld(withheld),
    });
    options.link.arriving(this);
  }

  get link(): DeviceLink {
    return this.#options.link;
  }

  /** CONNACK is out. */
  ready(): void {
    const { guarded, link } = this.#options;
    this.#ready = true;
    guarded.meter = (packets, bytes) => {
      const wait = link.meter.take(packets, bytes);
      if (wait > 0) this.#count("zhian_ingress_throttled_total");
      return wait;
    };
    link.signedIn(this);
    guarded.welcome();
  }

  /**
   * A PUBLISH came. `acknowledge` is called when it and all before it are durable, and never if one of them is not. aedes
   * keeps the packet for its own purposes, so its content is taken out of it.
   */
  receive(packet: PublishPacket, acknowledge: () => void): void {
    if (this.#cut) return;
    const { link, admission } = this.#options;
    const { topic } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    if (!admission.mayPublish(link.deviceId, topic)) {
      const detail = "the device may not publish on this topic";
      link.refused({ reason: "forbidden-topic", detail, source: presentable(topic), bytes: payload.length });
      this.cut("forbidden-topic");
      return;
    }
    const outcome = this.#deliver(packet, { topic, payload, will: false, retained: packet.retain === true });
    packet.topic = sink;
    packet.payload = nothing;
    packet.retain = false;
    if (outcome === undefined) this.cut("too-many-unreleased");
    else this.#acknowledgements.hold(outcome, payload.length, acknowledge);
  }

  /** Is it granted? Then what is sent to the device on this topic reaches this connection. */
  subscribe(topic: string, qos: 0 | 1 | 2): boolean {
    const { admission, link, sessions, sessionId, client, log, logger } = this.#options;
    if (!admission.maySubscribe(link.deviceId, topic)) {
      this.#count("zhian_ingress_subscriptions_refused_total");
      const fields = { deviceId: link.deviceId, topic: presentable(topic) };
      log.note(`subscribe\n${link.deviceId}\n${fields.topic}`, (count) =>
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
    const { telemetry, link, guarded } = this.#options;
    telemetry.count("zhian_ingress_cut_total", { device: link.deviceId, reason });
    guarded.destroy();
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
    const { link, admission, clientId, guarded, will } = this.#options;
    this.#acknowledgements.abandon();
    admission.leave(clientId, link.deviceId);
    // A device that is connected once more is not gone, whatever its old connection had to say.
    const gone = this.#ready && !this.#cut && !this.#leaving && !guarded.saidGoodbye && !link.hasOther(this);
    if (gone && will !== undefined) this.#deliverWill(will);
    link.signedOut(this);
  }

  #deliverWill(will: StoredWill): void {
    const { link } = this.#options;
    this.#count("zhian_ingress_wills_total");
    link.deliver({ ...will, will: true }).catch((error: unknown) => this.#warn("a last will was not stored", error));
  }

  /** Undefined where the device leaves too many QoS 2 messages without their PUBREL. */
  #deliver(packet: PublishPacket, message: MqttMessage): Promise<void> | undefined {
    const { link, sessions, sessionId, limits } = this.#options;
    this.#count("zhian_ingress_messages_total");
    if (packet.qos !== 2 || packet.messageId === undefined) return link.deliver(message);
    const before = sessions.unreleased(sessionId, packet.messageId);
    if (before !== undefined) return before;
    if (sessions.unreleasedCount(sessionId) >= limits.unreleased) return undefined;
    const outcome = link.deliver(message);
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
    const { log, logger, link } = this.#options;
    const fault = typeof error === "string" ? { code: error } : describeFault(error);
    log.note(`${message}\n${link.deviceId}\n${fault.code}`, (count) =>
      logger.warn({ deviceId: link.deviceId, ...fault, count }, message),
    );
  }

  #count(name: string): void {
    this.#options.telemetry.count(name, { device: this.#options.link.deviceId });
  }
}
