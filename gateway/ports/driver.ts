import type { z } from "zod";
import type { Bilingual } from "../domain/alarm.ts";
import type { CommandOffer, CommandOutcome, DeviceCommand } from "../domain/command.ts";
import type { Device } from "../domain/device.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import type { Clock } from "./clock.ts";

/** One item of input that could not be used: counted, kept for inspection up to a bound, never fatal. */
export interface Rejection {
  /** Short and stable: `bad-json`, `wrong-shape`, `wrong-topic`, `foreign-id`, `bad-crc`, … */
  readonly reason: string;
  /** For an installer: what was found, what was expected. No personal data. */
  readonly detail: string;
  /** Where it came in: a topic, a line and unit. */
  readonly source: string;
  readonly bytes?: number;
}

/** What an MQTT device may do on the embedded broker. Topics are literal, without wildcards. */
export interface MqttGrants {
  readonly username: string;
  readonly password: string;
  readonly publish: readonly string[];
  /** Subtrees in which it may publish, for devices whose topics name what they report; each ends with a slash. */
  readonly publishBelow?: readonly string[];
  readonly subscribe: readonly string[];
  /**
   * One MQTT client that speaks for several devices (a LoRaWAN server, a video analysis): devices of one dialect may then have
   * the same user name and password. Each gets every message that its own grants cover, and tells its own by the contents.
   * Only `observe` and `seen` are then signs of life: that the client is there says nothing of the device.
   */
  readonly shared?: boolean;
}

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** It was stored by the broker as last will and the client is gone without a goodbye. */
  readonly will: boolean;
  /** The device set the RETAIN flag: by its dialect this may be a state, and no event. */
  readonly retained: boolean;
}

/** What an HTTP device may do on the ingest listener: push to `/ingest/{deviceId}` and below, and to `paths`. */
export interface HttpGrants {
  /** For Basic (RFC 7617) and Digest (RFC 7616) authentication. */
  readonly username?: string;
  readonly password?: string;
  /**
   * For devices that cannot sign in: a secret in the address, `?token=…` or `/ingest/{deviceId}/token/{token}/…`, or a level of
   * one of `paths`.
   */
  readonly token?: string;
  /** Literal paths beside its own, for firmware whose path is fixed. No two devices share one. */
  readonly paths?: readonly string[];
  /** A larger body is refused by its Content-Length, or cut off. Default 4 MiB; files in a multipart body are not counted in. */
  readonly maxBodyBytes?: number;
}

/** One part of a multipart body. Pictures, video and sound are dropped as they come in, and only counted. */
export interface HttpPart {
  readonly name: string;
  readonly filename?: string;
  readonly contentType: string;
  readonly bytes: number;
  /** Empty where `dropped`. */
  readonly body: Uint8Array;
  readonly dropped: boolean;
}

/** One request of a device that signed in. */
export interface HttpPush {
  readonly method: "GET" | "POST" | "PUT";
  /** Below `/ingest/{deviceId}` (and its token): empty, or with a leading slash. The whole path where it is one of `paths`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** As the device gave it, lower case, without parameters; many lie. Empty where absent. */
  readonly contentType: string;
  readonly header: (name: string) => string | undefined;
  /** Empty where the body was multipart. */
  readonly body: Uint8Array;
  /** Of a multipart body, in order. */
  readonly parts: readonly HttpPart[];
  readonly address: string;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

/** The ingest listener as one device's session sees it. */
export interface DeviceHttp {
  /**
   * Called for every request, in order of their arrival; the next is handed over when the one before was answered. The reply is
   * sent when the promise resolves, 503 when it rejects.
   */
  serve(handle: (push: HttpPush) => Promise<HttpReply>): void;
}

/** The embedded broker as one device's session sees it. */
export interface DeviceMqtt {
  /**
   * Called for every message of the device, in order; the call itself is synchronous up to the first `observe`, so that
   * order is kept. The PUBLISH is acknowledged when the promise resolves, and the device is cut off when it rejects.
   */
  serve(handle: (message: MqttMessage) => Promise<void>): void;
  /** To the device, QoS 0 unless said otherwise; lost where it is not connected, as the dialects expect. */
  publish(topic: string, payload: string, qos?: 0 | 1): void;
  /** The TCP connection's life: `true` after CONNACK, `false` after a close. */
  onConnection(listener: (connected: boolean) => void): void;
}

/** What an answer must look like to be taken for the answer to a request. */
export interface Expectation {
  /** How long to wait for the whole answer, ms. */
  readonly timeoutMs: number;
  /** It bears alarms: it goes before what does not, of the other units of the line too. */
  readonly urgent?: boolean;
}

export type Exchange =
  | { readonly ok: true; readonly registers: readonly number[] }
  | {
      readonly ok: false;
      readonly why: "timeout" | "bad-crc" | "foreign" | "exception" | "short" | "lost";
      readonly detail: string;
    };

/** A shared serial line on which we are the only master: one request at a time, each answer proven to be its own. */
export interface ModbusLine {
  readonly id: string;
  readHolding(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange>;
  readInput(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange>;
  readCoils(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange>;
  readDiscrete(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange>;
  /** Function 5. Its answer repeats the request, and `registers` is empty. */
  writeCoil(unit: number, address: number, on: boolean, expect: Expectation): Promise<Exchange>;
  /** Function 6. */
  writeRegister(unit: number, address: number, value: number, expect: Expectation): Promise<Exchange>;
  /** True while the port is open. */
  open(): boolean;
}

/** What a sign of life may tell beside itself. */
export interface SignOfLife {
  readonly firmware?: string;
  readonly clockSkewMs?: number;
  readonly batteryPercent?: number;
  readonly signalDbm?: number;
}

/** A serial line to which one device speaks by itself, and on which we are silent. */
export interface SerialFeed {
  readonly id: string;
  /** Bytes as they come in, and whether the port is open; the result ends it. */
  listen(received: (bytes: Uint8Array) => void, changed: (open: boolean) => void): () => void;
}

/** Everything a session may touch. It owns no retry, logger or database. */
export interface DriverContext<O> {
  readonly device: Device;
  readonly options: O;
  /** IANA zone of the site: devices give local time without a zone. */
  readonly timeZone: string;
  readonly clock: Clock;
  /** Aborted when the session has to end. */
  readonly signal: AbortSignal;
  /** Resolves when all are durable (or known duplicates); only then may anything be acknowledged. Counts as a sign of life. */
  observe(drafts: readonly ObservationDraft[]): Promise<void>;
  reject(rejection: Rejection): void;
  /** A well-formed message that is not an observation: heartbeat, unchanged reading, picture only. */
  filtered(reason: string): void;
  /** A sign of life. `clockSkewMs` = device clock minus ours. */
  seen(details?: SignOfLife): void;
  /** The device says or shows that it is gone. */
  gone(reason: "last-will" | "said-so" | "no-answer" | "link-lost"): void;
  /** Keyed pseudonym of a person id; the key stays on the box. */
  pseudonym(personId: string): string;
  /**
   * Does an alarm stand for a fault of the device of this code? Where the driver finds that all is well and knows of no fault, it
   * was told before a start or a reload, and only the driver can say that it is over.
   */
  faultStands?(code: string): boolean;
  /** For dialects that grant MQTT. */
  readonly mqtt?: DeviceMqtt;
  /** For dialects that grant HTTP. */
  readonly http?: DeviceHttp;
  /** For dialects on a serial line, by the line's id in the configuration. */
  modbusLine?(id: string): ModbusLine;
  /** For dialects that only listen on a serial line. */
  serialFeed?(id: string): SerialFeed;
  /** Modbus TCP; devices behind one address share its connection and its turns. */
  modbusTcp?(address: { readonly host: string; readonly port: number }): ModbusLine;
  /** Parsed register map or other model data named by the options. */
  readonly profile?: unknown;
  /** Data directory of the gateway, for dialects that have keys and certificates of their own; below it each has its own folder. */
  readonly dataDir?: string;
}

export interface DeviceSession {
  /** Resolves after the abort; rejects when the session cannot go on, and the supervisor opens a new one. */
  readonly done: Promise<void>;
  /** Carries out what the manifest offers. Absent where it offers nothing. Resolves within 30 s. */
  command?(command: DeviceCommand): Promise<CommandOutcome>;
}

/** A dialect as the rest of the gateway knows it. Adding one is a file, a line in drivers.ts, and tests. */
export interface DriverManifest<O = unknown> {
  readonly driver: string;
  readonly dialect: string;
  readonly title: Bilingual;
  /** Schema of `options`; the descriptions feed docs and editor. */
  readonly options: z.ZodType<O>;
  /** What the device may do on the embedded broker; two devices with the same user name are a configuration error. */
  readonly mqtt?: (options: O) => MqttGrants;
  /**
   * What the device may do on the ingest listener; a configuration without `ingest` is then refused. Undefined where a device,
   * as it is configured, does not push.
   */
  readonly http?: (options: O, deviceId: DeviceId) => HttpGrants | undefined;
  /** The serial line and unit that the device occupies; without a unit it has the line to itself. */
  readonly serial?: (options: O) => { readonly line: string; readonly unit?: number };
  /** It is reached over Modbus TCP. */
  readonly modbusTcp?: boolean;
  /** Name of a built-in profile or path of one; undefined where this device has none. */
  readonly profile?: (options: O) => string | undefined;
  /** Parses the profile's YAML value. */
  readonly profileSchema?: z.ZodType;
  /** What the device can be told to do, as configured. */
  readonly commands?: (options: O, profile: unknown) => readonly CommandOffer[];
  /** Silence after which the device counts as gone, ms. */
  readonly silentAfterMs: (options: O) => number;
  /** Native bindings and heavy parts load only where such a device is configured. */
  readonly load: () => Promise<{ open(context: DriverContext<O>): DeviceSession }>;
}

/** Keeps a manifest's option type while it is written, and forgets it in the list of all of them. */
export function defineDriver<O>(manifest: DriverManifest<O>): DriverManifest {
  return manifest as unknown as DriverManifest;
}
