import type { Clock } from "../ports/clock.ts";

/**
 * One connection to one broker, as the rest of the uplink sees it. Every publish settles, whatever the broker does; a
 * wire that ended is thrown away.
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
