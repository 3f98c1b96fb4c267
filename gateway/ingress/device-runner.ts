import type { Device } from "../domain/device.ts";
import { GatewayError, isGatewayError } from "../domain/errors.ts";
import type { DeviceId, ObservationId } from "../domain/ids.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  DeviceMqtt,
  DeviceSession,
  DriverContext,
  DriverManifest,
  ModbusLine,
  MqttMessage,
} from "../ports/driver.ts";
import type { Appended, NewObservation, ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { Accounts } from "./accounts.ts";
import { backOffMs } from "./back-off.ts";
import type { DeviceEndpoint } from "./device-link.ts";
import { describeFault } from "./fault-description.ts";
import type { Liveness } from "./liveness.ts";
import type { Quarantine } from "./quarantine.ts";

/** A configured device with the driver that speaks to it. */
export interface SupervisedDevice {
  readonly device: Device;
  readonly manifest: DriverManifest;
  /** Parsed by the manifest's schema. */
  readonly options: unknown;
  /** Parsed by the manifest's profile schema. */
  readonly profile?: unknown;
}

/** What all runners share. */
export interface RunnerShared {
  readonly log: Pick<ObservationLog, "append">;
  readonly endpointOf: (deviceId: DeviceId) => DeviceEndpoint;
  readonly serialLines: (id: string) => ModbusLine;
  readonly timeZone: string;
  readonly pseudonym: (personId: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly newId: () => ObservationId;
  readonly random: () => number;
  readonly liveness: Liveness;
  readonly quarantine: Quarantine;
  /** An edge that the gateway itself observes about the device. */
  readonly observeFault: (deviceId: DeviceId, code: string, active: boolean, detail?: string) => void;
}

const reopen = { firstMs: 1000, longestMs: 60_000 };
/** A session that lasted so long has recovered: the back-off begins anew. */
const steadyMs = 60_000;
/** A session that was told to end gets this long. */
const stopWithinMs = 2000;

/** One opened session and what belongs to it. */
interface Opened {
  readonly abort: AbortController;
  readonly endpoint: DeviceEndpoint | undefined;
  session: DeviceSession | undefined;
  /** From then on its context does nothing any more. */
  over: boolean;
}

/** Keeps one device's session open: opens it, watches it, opens it again. What goes wrong here stays here. */
export class DeviceRunner {
  readonly supervised: SupervisedDevice;
  readonly #shared: RunnerShared;
  readonly #accounts: Accounts;
  #opened: Opened | undefined;
  #stopped = false;
  #attempt = 0;
  #cancelTimer: () => void = () => {};
  /** Accounted calls of the session so far: a message during which it does not move was forgotten. */
  #accounted = 0;
  /** What was observed so far for the message that is being handled; absent between messages. */
  #observed: Promise<void>[] | undefined;
  /** Set while a last will is handled: what the session does about it is no sign of life. */
  #posthumous = false;

  constructor(supervised: SupervisedDevice, accounts: Accounts, shared: RunnerShared) {
    this.supervised = supervised;
    this.#accounts = accounts;
    this.#shared = shared;
  }

  get deviceId(): DeviceId {
    return this.supervised.device.id;
  }

  start(): void {
    void this.#open();
  }

  /** Resolves when the session has ended, or was given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const opened = this.#opened;
    this.#cancelTimer();
    if (opened === undefined) return;
    await opened.endpoint?.settle();
    opened.abort.abort();
    const { clock, logger } = this.#shared;
    const ended = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(stopWithinMs, () => resolve(false));
      const end = () => {
        cancel();
        resolve(true);
      };
      (opened.session?.done ?? Promise.resolve()).then(end, end);
    });
    if (!ended) logger.warn({ deviceId: this.deviceId }, "a driver session did not end when it was told to");
    this.#finish(opened);
  }

  async #open(): Promise<void> {
    const { manifest, options } = this.supervised;
    let opened: Opened | undefined;
    try {
      const { open } = await manifest.load();
      if (this.#stopped) return;
      const endpoint = manifest.mqtt === undefined ? undefined : this.#shared.endpointOf(this.deviceId);
      opened = { abort: new AbortController(), endpoint, session: undefined, over: false };
      this.#opened = opened;
      if (endpoint !== undefined) this.#listen(endpoint);
      opened.session = open(this.#context(opened, options));
      this.#cancelTimer = this.#shared.clock.after(steadyMs, () => this.#steady());
      this.#shared.logger.debug({ deviceId: this.deviceId }, "driver session opened");
      await opened.session.done;
      if (!this.#stopped) throw new GatewayError("LINK_LOST", "the session ended by itself");
    } catch (error) {
      if (!this.#stopped) this.#failed(opened, error);
    }
  }

  #failed(opened: Opened | undefined, error: unknown): void {
    const { clock, logger, telemetry, random, observeFault } = this.#shared;
    const { deviceId } = this;
    opened?.abort.abort();
    if (opened !== undefined) this.#finish(opened);
    this.#cancelTimer();
    const ms = backOffMs(this.#attempt++, reopen, random);
    const fault = describeFault(error);
    telemetry.count("zhian_ingress_sessions_failed_total", { device: deviceId });
    logger.warn({ deviceId, ...fault, reopenInMs: ms, attempt: this.#attempt }, "driver session failed");
    // A lost link says so itself, as the device's absence. What does not go away by itself is a fault of its own.
    if (!isGatewayError(error) || !error.transient) observeFault(deviceId, "driver-failed", true, fault.code);
    this.#cancelTimer = clock.after(ms, () => void this.#open());
  }

  #steady(): void {
    this.#attempt = 0;
    this.#shared.observeFault(this.deviceId, "driver-failed", false);
  }

  #finish(opened: Opened): void {
    if (opened.over) return;
    opened.over = true;
    if (this.#opened === opened) this.#opened = undefined;
    if (opened.endpoint === undefined) return;
    opened.endpoint.close();
    this.#shared.liveness.connection(this.deviceId, false);
  }

  #listen(endpoint: DeviceEndpoint): void {
    const { liveness, observeFault } = this.#shared;
    const { deviceId } = this;
    endpoint.onConnection((connected) => liveness.connection(deviceId, connected));
    endpoint.onSign(() => liveness.heard(deviceId));
    endpoint.onRefused((rejection) => this.#reject(rejection));
    endpoint.onFlooding((active) => observeFault(deviceId, "flooding", active));
  }

  #context(opened: Opened, options: unknown): DriverContext<unknown> {
    const { device, profile, manifest } = this.supervised;
    const { clock, timeZone, pseudonym, liveness, serialLines } = this.#shared;
    const { deviceId } = this;
    const live = (act: () => void): void => {
      if (!opened.over) act();
    };
    return {
      device,
      options,
      timeZone,
      clock,
      signal: opened.abort.signal,
      observe: (drafts) => this.#observe(opened, drafts),
      reject: (rejection) => live(() => this.#reject(rejection)),
      filtered: (reason) =>
        live(() => {
          this.#accounted += 1;
          this.#accounts.filtered(reason);
        }),
      seen: (details) =>
        live(() => {
          if (!this.#posthumous) liveness.heard(deviceId, details);
        }),
      gone: (reason) =>
        live(() => {
          // On the broker a lost link is a closed connection, and that is given its time to come back.
          if (reason === "link-lost" && opened.endpoint !== undefined) liveness.connection(deviceId, false);
          else liveness.gone(deviceId, reason);
        }),
      pseudonym,
      ...(opened.endpoint === undefined ? {} : { mqtt: this.#mqtt(opened.endpoint) }),
      ...(manifest.serial === undefined ? {} : { modbusLine: serialLines }),
      ...(profile === undefined ? {} : { profile }),
    };
  }

  #reject(rejection: Parameters<DriverContext<unknown>["reject"]>[0]): void {
    this.#accounted += 1;
    this.#accounts.quarantined(rejection.reason);
    this.#shared.quarantine.add(this.deviceId, rejection);
  }

  #observe(opened: Opened, drafts: readonly ObservationDraft[]): Promise<void> {
    if (opened.over) return refuse(new GatewayError("LOG_CLOSED", "the driver session is over"));
    const { device } = this.supervised;
    const { log, newId, liveness } = this.#shared;
    this.#accounted += 1;
    if (!this.#posthumous) liveness.heard(device.id);
    if (drafts.length === 0) return Promise.resolve();
    const batch = drafts.map((draft): NewObservation => {
      return { id: newId(), deviceId: device.id, zoneId: device.zoneId, dialect: device.dialect, draft };
    });
    this.#accounts.begun(batch.length);
    const stored = new Promise<readonly Appended[]>((resolve) => resolve(log.append(batch))).then(
      (results) => this.#accounts.appended(results),
      (error: unknown) => {
        this.#accounts.withheld(batch.length);
        throw error;
      },
    );
    // A session may let go of the promise; that must not end the process.
    stored.catch(() => {});
    this.#observed?.push(stored);
    return stored;
  }

  #mqtt(endpoint: DeviceEndpoint): DeviceMqtt {
    return {
      serve: (handle) => endpoint.serve((message) => this.#handle(handle, message)),
      publish: (topic, payload, qos) => endpoint.publish(topic, payload, qos),
      onConnection: (listener) => endpoint.onConnection(listener),
    };
  }

  /** A message is done when the session says so and all that it observed is durable, whether the session waited or not. */
  #handle(handle: (message: MqttMessage) => Promise<void>, message: MqttMessage): Promise<void> {
    const { liveness } = this.#shared;
    const before = this.#accounted;
    const observed: Promise<void>[] = [];
    this.#observed = observed;
    this.#posthumous = message.will;
    if (!message.will) liveness.heard(this.deviceId);
    let outcome: Promise<void>;
    try {
      outcome = Promise.resolve(handle(message));
    } catch (error) {
      outcome = refuse(error);
    }
    this.#posthumous = false;
    this.#observed = undefined;
    if (message.will) liveness.gone(this.deviceId, "last-will");
    if (this.#accounted === before)
      return outcome.then(
        () => this.#forgotten(message),
        (error) => this.#refused(error),
      );
    return observed.length === 0 ? outcome : Promise.all([outcome, ...observed]).then(() => {});
  }

  /** The session took a message and did not say what became of it. */
  #forgotten({ topic, payload }: MqttMessage): void {
    const detail = "the driver did not say what became of the message";
    this.#reject({ reason: "unaccounted", detail, source: topic, bytes: payload.length });
  }

  #refused(error: unknown): never {
    this.#accounts.begun(1);
    this.#accounts.withheld(1);
    throw error;
  }
}

function refuse(error: unknown): Promise<never> {
  const refusal = Promise.reject(error);
  refusal.catch(() => {});
  return refusal;
}
