import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import type { Clock } from "../ports/clock.ts";
import { PacketIds } from "./packet-ids.ts";
import { describeCode } from "./reason-codes.ts";

/**
 * One connection attempt to one broker: the only file that names MQTT.js, which is a mere wire here. It never queues,
 * never stores and never reconnects; every publish settles, whatever the broker does; a wire that ended is thrown away.
 */
export type ProtocolVersion = 5 | 4;

export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface WireOptions {
  /** mqtt:, mqtts:, ws: or wss: */
  readonly url: string;
  /** 5 is MQTT 5, 4 is MQTT 3.1.1. */
  readonly version: ProtocolVersion;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM text. The broker's certificate and name are always checked. */
  readonly tls?: TlsFiles;
  readonly will: { readonly topic: string; readonly payload: string };
  readonly contentType: string;
  readonly keepAliveSeconds: number;
  /** From the first packet to CONNACK, ms. */
  readonly connectTimeoutMs: number;
  /** A publish without acknowledgement for so long ends the wire, ms. */
  readonly ackTimeoutMs: number;
  readonly clock: Clock;
  /** Gives up the attempt. */
  readonly signal?: AbortSignal;
}

export type Outcome =
  /** `heard`: false where an MQTT 5 broker says that nobody is subscribed (0x10). */
  | { readonly kind: "accepted"; readonly heard: boolean }
  | { readonly kind: "refused"; readonly code: number }
  /** The wire ended first: the broker may have it or not. */
  | { readonly kind: "lost" };

export interface PublishOptions {
  readonly retain?: boolean;
  readonly contentType?: string;
  readonly correlationData?: Uint8Array;
}

export interface Incoming {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
}

export type WireEnd =
  /** The other side or the network closed it. */
  | { readonly kind: "closed"; readonly detail: string }
  /** The broker said why (MQTT 5 DISCONNECT). */
  | { readonly kind: "disconnected"; readonly code: number; readonly detail: string }
  /** The broker does not acknowledge, or does not answer pings. */
  | { readonly kind: "silent"; readonly what: "publish" | "ping"; readonly detail: string }
  /** By us. */
  | { readonly kind: "ended"; readonly detail: string };

export type ConnectFailure =
  /** No connection came about: name, address, port, certificate. */
  | { readonly kind: "unreachable"; readonly detail: string }
  /** CONNACK with a reason. */
  | { readonly kind: "refused"; readonly code: number; readonly detail: string }
  /** Connected, then closed or silent before CONNACK: so brokers of MQTT 3.1.1 treat MQTT 5. */
  | { readonly kind: "no-answer"; readonly detail: string };

export interface Wire {
  readonly version: ProtocolVersion;
  /** How many QoS 1 messages the broker takes unacknowledged (MQTT 5 §3.2.2.3.3); 65,535 where it does not say. */
  readonly receiveMaximum: number;
  /** Bytes of a whole packet; absent where the broker does not say. */
  readonly maximumPacketSize?: number;
  readonly retainAvailable: boolean;
  /** QoS 1. Resolves with the broker's word, or `lost`; never rejects, never hangs. */
  publish(topic: string, payload: string, options?: PublishOptions): Promise<Outcome>;
  /** QoS 1, no retained messages unless asked for. */
  subscribe(filter: string, withRetained: boolean): Promise<Outcome>;
  unsubscribe(filter: string): void;
  /** Resolves once, when nothing more can be sent. */
  readonly ended: Promise<WireEnd>;
  /** DISCONNECT, so that the will is discarded; hard after `withinMs`. */
  close(withinMs: number): Promise<void>;
  /** Hard, at once; the broker publishes the will. */
  destroy(detail: string): void;
}

export type OpenWire = (
  options: WireOptions,
  onMessage: (message: Incoming) => void,
) => Promise<{ readonly ok: true; readonly wire: Wire } | { readonly ok: false; readonly failure: ConnectFailure }>;

/** What comes in is commands; larger packets are for the broker to refuse. */
const largestIncomingPacket = 256 * 1024;

export const openWire: OpenWire = (options, onMessage) => {
  let client: MqttClient;
  try {
    client = connect(options.url, clientOptions(options));
  } catch (error) {
    return Promise.resolve({ ok: false, failure: { kind: "unreachable", detail: messageOf(error) } });
  }
  let reached = false;
  const { stream } = client;
  if (stream instanceof Socket) {
    stream.setNoDelay(true);
    stream.once(stream instanceof TLSSocket ? "secureConnect" : "connect", () => {
      reached = true;
    });
  } else reached = true;

  return new Promise((resolve) => {
    let lastError: Error | undefined;
    const onAbort = (): void => failWith("given up");
    const settled = (): void => {
      cancel();
      options.signal?.removeEventListener("abort", onAbort);
      client.off("error", onError);
      client.off("close", onClose);
      client.off("connect", onConnect);
    };
    const fail = (failure: ConnectFailure): void => {
      settled();
      discard(client);
      resolve({ ok: false, failure });
    };
    const failWith = (detail: string): void => fail({ kind: reached ? "no-answer" : "unreachable", detail });
    const onError = (error: Error): void => {
      lastError = error;
      const code = reasonCodeOf(error);
      if (code === undefined) failWith(messageOf(error));
      else fail({ kind: "refused", code, detail: describeCode(code) });
    };
    const onClose = (): void => failWith(lastError === undefined ? "closed before CONNACK" : messageOf(lastError));
    const onConnect = (): void => {
      if (client.serverProperties?.maximumQoS === 0) {
        fail({ kind: "refused", code: 155, detail: "the broker takes QoS 0 only: nothing would be confirmed" });
        return;
      }
      settled();
      resolve({ ok: true, wire: new LiveWire(client, options, onMessage) });
    };
    const { connectTimeoutMs } = options;
    const cancel = options.clock.after(connectTimeoutMs, () =>
      failWith(reached ? `no CONNACK within ${connectTimeoutMs} ms` : `no connection within ${connectTimeoutMs} ms`),
    );
    client.on("error", onError);
    client.on("close", onClose);
    client.once("connect", onConnect);
    if (options.signal?.aborted === true) onAbort();
    else options.signal?.addEventListener("abort", onAbort);
  });
};

interface Flight {
  readonly sentAt: number;
  readonly settle: (outcome: Outcome) => void;
}

const lost: Outcome = { kind: "lost" };
const heard: Outcome = { kind: "accepted", heard: true };
const unheard: Outcome = { kind: "accepted", heard: false };
const noMatchingSubscribers = 16;

class LiveWire implements Wire {
  readonly version: ProtocolVersion;
  readonly receiveMaximum: number;
  readonly maximumPacketSize?: number;
  readonly retainAvailable: boolean;
  readonly ended: Promise<WireEnd>;
  readonly #client: MqttClient;
  readonly #options: WireOptions;
  readonly #flights = new Map<number, Flight>();
  #nextFlight = 0;
  #lastReason = 0;
  #closing = false;
  #end: WireEnd | undefined;
  #resolveEnded: (end: WireEnd) => void;
  #cancelWatch: (() => void) | undefined;

  constructor(client: MqttClient, options: WireOptions, onMessage: (message: Incoming) => void) {
    this.#client = client;
    this.#options = options;
    this.version = options.version;
    const said = client.serverProperties ?? {};
    this.receiveMaximum = said.receiveMaximum ?? 65_535;
    if (said.maximumPacketSize !== undefined) this.maximumPacketSize = said.maximumPacketSize;
    this.retainAvailable = said.retainAvailable !== false;
    const { promise, resolve } = Promise.withResolvers<WireEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;

    client.on("message", (topic, payload, packet) => {
      if (this.#end !== undefined) return;
      onMessage({
        topic,
        payload,
        retained: packet.retain,
        ...(packet.properties?.responseTopic === undefined ? {} : { responseTopic: packet.properties.responseTopic }),
        ...(packet.properties?.correlationData === undefined
          ? {}
          : { correlationData: packet.properties.correlationData }),
      });
    });
    // The publish callback does not get the reason of a success: it comes synchronously after this event.
    client.on("packetreceive", (packet) => {
      this.#lastReason = packet.cmd === "puback" ? (packet.reasonCode ?? 0) : 0;
    });
    client.on("disconnect", (packet) => {
      const code = packet.reasonCode ?? 0;
      this.#finish({ kind: "disconnected", code, detail: describeCode(code) });
    });
    client.on("error", (error) => {
      const silent = error.message === "Keepalive timeout";
      this.#finish(
        silent
          ? { kind: "silent", what: "ping", detail: "the broker does not answer pings" }
          : { kind: "closed", detail: messageOf(error) },
      );
    });
    client.on("close", () =>
      this.#finish(
        this.#closing
          ? { kind: "ended", detail: "closed" }
          : { kind: "closed", detail: "the connection was closed by the other side or the network" },
      ),
    );
  }

  publish(topic: string, payload: string, options: PublishOptions = {}): Promise<Outcome> {
    if (this.#end !== undefined) return Promise.resolve(lost);
    return new Promise((resolve) => {
      const done = this.#takeOff(resolve);
      this.#client.publish(
        topic,
        payload,
        {
          qos: 1,
          retain: options.retain === true && this.retainAvailable,
          ...(this.version === 5 ? { properties: propertiesOf(options) } : {}),
        },
        (error) => done(error, this.#lastReason),
      );
    });
  }

  subscribe(filter: string, withRetained: boolean): Promise<Outcome> {
    if (this.#end !== undefined) return Promise.resolve(lost);
    return new Promise((resolve) => {
      const done = this.#takeOff(resolve);
      const five = this.version === 5 ? { rh: withRetained ? 0 : 2, nl: true } : {};
      this.#client.subscribe(filter, { qos: 1, ...five }, (error, granted) => {
        const code = granted?.find((grant) => grant.qos >= 128)?.qos;
        done(code === undefined ? error : Object.assign(new Error("refused"), { code }), 0);
      });
    });
  }

  unsubscribe(filter: string): void {
    if (this.#end === undefined) this.#client.unsubscribe(filter, () => {});
  }

  async close(withinMs: number): Promise<void> {
    if (this.#end !== undefined) return;
    this.#closing = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(withinMs, resolve);
    // Waits for what is in flight, then sends DISCONNECT and closes.
    this.#client.end(false, { reasonCode: 0 }, () => resolve());
    await promise;
    cancel();
    this.#finish({ kind: "ended", detail: "closed" });
  }

  destroy(detail: string): void {
    this.#finish({ kind: "ended", detail });
  }

  #takeOff(settle: (outcome: Outcome) => void): (error: unknown, reason: number) => void {
    const id = this.#nextFlight++;
    this.#flights.set(id, { sentAt: this.#options.clock.now(), settle });
    if (this.#cancelWatch === undefined) this.#watch();
    return (error, reason) => {
      if (!this.#flights.delete(id)) return;
      if (!error) return settle(reason === noMatchingSubscribers ? unheard : heard);
      const code = reasonCodeOf(error);
      settle(code === undefined ? lost : { kind: "refused", code });
    };
  }

  /** One timer for all that is in flight: the oldest is the first in the map. */
  #watch(): void {
    const { clock, ackTimeoutMs } = this.#options;
    this.#cancelWatch = clock.after(Math.max(1, Math.min(1000, ackTimeoutMs / 4)), () => {
      this.#cancelWatch = undefined;
      const [oldest] = this.#flights.values();
      if (oldest === undefined) return;
      if (clock.now() - oldest.sentAt < ackTimeoutMs) return this.#watch();
      // After a stall of our own the acknowledgement may lie in the socket: let it be read first.
      setImmediate(() => {
        const [still] = this.#flights.values();
        if (this.#end !== undefined || still === undefined) return;
        if (clock.now() - still.sentAt < ackTimeoutMs) return this.#watch();
        this.#finish({
          kind: "silent",
          what: "publish",
          detail: `no acknowledgement within ${ackTimeoutMs} ms; ${this.#flights.size} under way`,
        });
      });
    });
  }

  #finish(end: WireEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#cancelWatch?.();
    discard(this.#client);
    const flights = [...this.#flights.values()];
    this.#flights.clear();
    for (const flight of flights) flight.settle(lost);
    this.#resolveEnded(end);
  }
}

/** Its own listeners stay: they stop its timers. */
function discard(client: MqttClient): void {
  client.end(true);
  client.stream.destroy();
}

function clientOptions(options: WireOptions): IClientOptions {
  const five = options.version === 5;
  return {
    protocolVersion: options.version,
    clientId: options.clientId,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    keepalive: options.keepAliveSeconds,
    // Ours comes first; this one only clears up.
    connectTimeout: options.connectTimeoutMs + 5_000,
    timerVariant: "native",
    messageIdProvider: new PacketIds(),
    log: () => {},
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...options.tls,
    will: {
      topic: options.will.topic,
      payload: Buffer.from(options.will.payload),
      qos: 1,
      retain: true,
      ...(five ? { properties: { contentType: options.contentType } } : {}),
    },
    ...(five ? { properties: { maximumPacketSize: largestIncomingPacket, receiveMaximum: 64 } } : {}),
  };
}

interface PublishProperties {
  contentType?: string;
  correlationData?: Buffer;
}

const plainProperties = new Map<string, PublishProperties>();

function propertiesOf({ contentType, correlationData }: PublishOptions): PublishProperties {
  if (correlationData === undefined && contentType !== undefined) {
    const known = plainProperties.get(contentType) ?? { contentType };
    plainProperties.set(contentType, known);
    return known;
  }
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
  };
}

function reasonCodeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
