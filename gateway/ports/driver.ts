import type { z } from "zod";
import type { Bilingual } from "../domain/alarm.ts";
import type { Device } from "../domain/device.ts";
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
  readonly subscribe: readonly string[];
}

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** It was stored by the broker as last will and the client is gone without a goodbye. */
  readonly will: boolean;
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
  /** True while the port is open. */
  open(): boolean;
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
  seen(details?: { firmware?: string; clockSkewMs?: number }): void;
  /** The device says or shows that it is gone. */
  gone(reason: "last-will" | "said-so" | "no-answer" | "link-lost"): void;
  /** Keyed pseudonym of a person id; the key stays on the box. */
  pseudonym(personId: string): string;
  /** For dialects that grant MQTT. */
  readonly mqtt?: DeviceMqtt;
  /** For dialects on a serial line, by the line's id in the configuration. */
  modbusLine?(id: string): ModbusLine;
  /** Parsed register map or other model data named by the options. */
  readonly profile?: unknown;
}

export interface DeviceSession {
  /** Resolves after the abort; rejects when the session cannot go on, and the supervisor opens a new one. */
  readonly done: Promise<void>;
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
  /** The serial line and unit that the device occupies. */
  readonly serial?: (options: O) => { readonly line: string; readonly unit: number };
  /** Name of a built-in profile or path of one. */
  readonly profile?: (options: O) => string;
  /** Parses the profile's YAML value. */
  readonly profileSchema?: z.ZodType;
  /** Silence after which the device counts as gone, ms. */
  readonly silentAfterMs: (options: O) => number;
  /** Native bindings and heavy parts load only where such a device is configured. */
  readonly load: () => Promise<{ open(context: DriverContext<O>): DeviceSession }>;
}

/** Keeps a manifest's option type while it is written, and forgets it in the list of all of them. */
export function defineDriver<O>(manifest: DriverManifest<O>): DriverManifest {
  return manifest as unknown as DriverManifest;
}
