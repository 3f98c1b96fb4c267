import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { TLSSocket } from "node:tls";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { Flights } from "./flights.ts";
import { PacketIds } from "./packet-ids.ts";
import { describeCode } from "./reason-codes.ts";
import type {
  ConnectFailure,
  Incoming,
  OpenWire,
  Outcome,
  ProtocolVersion,
  PublishOptions,
  Wire,
  WireEnd,
  WireOptions,
} from "./wire-types.ts";

/** What comes in is commands; larger packets are for the broker to refuse. */
const largestIncomingPacket = 256 * 1024;

/**
 * The only file that names MQTT.js, which is a mere wire here: it never queues, never stores and never reconnects. Each
 * attempt is a new client.
 */
export const openWire: OpenWire = (options, onMessage) => {
  let client: MqttClient;
  try {
    client = connect(options.url, clientOptions(options));
  } catch (error) {
    return Promise.resolve({ ok: false, failure: { kind: "unreachable", detail: messageOf(error) } });
  }
  let reached = false;
  const { stream } = client;
  writeInOnePiece(stream);
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
  readonly #flights: Flights<Outcome>;
  #lastReason = 0;
  #closing = false;
  #end: WireEnd | undefined;
  #resolveEnded: (end: WireEnd) => void;

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
    const { ackTimeoutMs, clock } = options;
    this.#flights = new Flights(clock, ackTimeoutMs, (underWay) => {
      const detail = `no acknowledgement within ${ackTimeoutMs} ms; ${underWay} under way`;
      this.#finish({ kind: "silent", what: "publish", detail });
    });

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
      const land = this.#flights.takeOff(resolve);
      this.#client.publish(
        topic,
        payload,
        {
          qos: 1,
          retain: options.retain === true && this.retainAvailable,
          ...(this.version === 5 ? { properties: propertiesOf(options) } : {}),
        },
        (error) => land(outcomeOf(error, this.#lastReason)),
      );
    });
  }

  subscribe(filter: string, withRetained: boolean): Promise<Outcome> {
    if (this.#end !== undefined) return Promise.resolve(lost);
    return new Promise((resolve) => {
      const land = this.#flights.takeOff(resolve);
      const five = this.version === 5 ? { rh: withRetained ? 0 : 2, nl: true } : {};
      this.#client.subscribe(filter, { qos: 1, ...five }, (error, granted) => {
        const refusal = granted?.find((grant) => grant.qos >= 128)?.qos;
        land(refusal === undefined ? outcomeOf(error, 0) : { kind: "refused", code: refusal });
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

  #finish(end: WireEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    discard(this.#client);
    this.#flights.end(lost);
    this.#resolveEnded(end);
  }
}

/** `reason`: of the PUBACK. */
function outcomeOf(error: unknown, reason: number): Outcome {
  if (!error) return reason === noMatchingSubscribers ? unheard : heard;
  const code = reasonCodeOf(error);
  return code === undefined ? lost : { kind: "refused", code };
}

/** Its own listeners stay: they stop its timers. */
/** What Node passes for a chunk that is a Buffer; its types do not know it. */
const asBytes = "buffer" as BufferEncoding;

/**
 * MQTT.js hands a packet to its stream in eight pieces, and Node gives each its own place in the system call: at full
 * rate that was a tenth of the gateway's time. Joined before they reach the socket they cost a copy.
 */
function writeInOnePiece(stream: Writable): void {
  const write = stream._write.bind(stream);
  stream._writev = (pieces, done) => {
    const parts = pieces.map(({ chunk, encoding }) =>
      typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
    );
    write(Buffer.concat(parts), asBytes, done);
  };
}

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
