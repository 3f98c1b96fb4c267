import { GatewayError } from "../domain/errors.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import type {
  DeviceHttp,
  DeviceMqtt,
  DriverContext,
  HttpPush,
  HttpReply,
  MqttMessage,
  Rejection,
} from "../ports/driver.ts";
import type { Appended, NewObservation } from "../ports/logs.ts";
import type { Accounts } from "./accounts.ts";
import type { DeviceEndpoint } from "./device-link.ts";
import type { HttpEndpoint } from "./http-link.ts";
import type { RunnerShared, SupervisedDevice } from "./supervised-device.ts";

/** A device's clock that is off by less is right, for every dialect. */
const believedSkewMs = 86_400_000;

export interface SessionContextOptions {
  readonly supervised: SupervisedDevice;
  readonly accounts: Accounts;
  readonly shared: RunnerShared;
  readonly endpoint: DeviceEndpoint | undefined;
  readonly http: HttpEndpoint | undefined;
  readonly signal: AbortSignal;
}

/**
 * All that one session of a driver may do, and what becomes of it: each observation into the log, each item into the
 * accounts, each sign of life into the presence of the device. After `end` it does nothing any more.
 */
export class SessionContext {
  readonly #options: SessionContextOptions;
  /** What its client says may concern another device: only the session knows what is a sign of life. */
  readonly #sharesClient: boolean;
  #over = false;
  #clockJudged = false;
  /** How often the session accounted for something: a message during which it does not move was forgotten. */
  #accounted = 0;
  /** What was observed so far for the message that is being handled; absent between messages. */
  #observed: Promise<void>[] | undefined;
  /** The same for the push that is being handled. */
  #pushed: Promise<void>[] | undefined;
  /** Set while a last will is handled: what the session does about it is no sign of life. */
  #posthumous = false;

  constructor(options: SessionContextOptions) {
    this.#options = options;
    const { endpoint, http, shared, supervised } = options;
    this.#sharesClient = supervised.manifest.mqtt?.(supervised.options).shared === true;
    const { id } = supervised.device;
    endpoint?.onConnection((connected) => shared.liveness.connection(id, connected));
    for (const way of [endpoint, http]) {
      way?.onSign(() => shared.liveness.heard(id));
      way?.onRefused((rejection) => this.#reject(rejection));
      way?.onFlooding((active) => shared.observeFault(id, "flooding", active));
    }
  }

  end(): void {
    this.#over = true;
  }

  /** As the driver gets it. */
  context(): DriverContext<unknown> {
    const { supervised, shared, endpoint, http, signal } = this.#options;
    const { device, options, profile, manifest } = supervised;
    const { clock, timeZone, pseudonym, liveness, serialLines, serialFeeds, modbusTcp } = shared;
    const live = (act: () => void): void => {
      if (!this.#over) act();
    };
    return {
      device,
      options,
      timeZone,
      clock,
      signal,
      pseudonym,
      faultStands: (code) => shared.faultStands?.(device.id, code) ?? false,
      observe: (drafts) => this.#observe(drafts),
      reject: (rejection) => live(() => this.#reject(rejection)),
      filtered: (reason) => live(() => this.#filtered(reason)),
      seen: (details) =>
        live(() => {
          if (this.#posthumous) return;
          liveness.heard(device.id, details);
          this.#judgeClock(details?.clockSkewMs);
        }),
      gone: (reason) =>
        live(() => {
          // On the broker a lost link is a closed connection, and that is given its time to come back.
          if (reason === "link-lost" && endpoint !== undefined) liveness.connection(device.id, false);
          else liveness.gone(device.id, reason);
        }),
      ...(endpoint === undefined ? {} : { mqtt: this.#mqtt(endpoint) }),
      ...(http === undefined ? {} : { http: this.#http(http) }),
      ...(manifest.serial === undefined ? {} : { modbusLine: serialLines }),
      ...(manifest.serial === undefined || serialFeeds === undefined ? {} : { serialFeed: serialFeeds }),
      ...(manifest.modbusTcp !== true || modbusTcp === undefined ? {} : { modbusTcp }),
      ...(profile === undefined ? {} : { profile }),
      ...(shared.dataDir === undefined ? {} : { dataDir: shared.dataDir }),
    };
  }

  /** What an earlier session told of the clock, the driver of this one does not know. */
  #judgeClock(skewMs: number | undefined): void {
    if (this.#clockJudged || skewMs === undefined) return;
    this.#clockJudged = true;
    // One that is wrong now is the driver's to tell, and so is its end.
    if (Math.abs(skewMs) > believedSkewMs) return;
    this.#options.shared.observeFault(this.#options.supervised.device.id, "clock-wrong", false);
  }

  #observe(drafts: readonly ObservationDraft[]): Promise<void> {
    if (this.#over) return refuse(new GatewayError("LOG_CLOSED", "the driver session is over"));
    const { supervised, shared, accounts } = this.#options;
    const { id: deviceId, zoneId, dialect } = supervised.device;
    this.#accounted += 1;
    if (!this.#posthumous) shared.liveness.heard(deviceId);
    if (drafts.length === 0) return Promise.resolve();
    const batch = drafts.map((draft): NewObservation => ({ id: shared.newId(), deviceId, zoneId, dialect, draft }));
    accounts.begun(batch.length);
    const stored = new Promise<readonly Appended[]>((resolve) => resolve(shared.log.append(batch))).then(
      (results) => accounts.appended(results),
      (error: unknown) => {
        accounts.withheld(batch.length);
        throw error;
      },
    );
    // A session may let go of the promise; that must not end the process.
    stored.catch(() => {});
    this.#observed?.push(stored);
    this.#pushed?.push(stored);
    return stored;
  }

  #reject(rejection: Rejection): void {
    const { supervised, shared, accounts } = this.#options;
    this.#accounted += 1;
    accounts.quarantined(shared.quarantine.add(supervised.device.id, rejection));
  }

  #filtered(reason: string): void {
    this.#accounted += 1;
    this.#options.accounts.filtered(reason);
  }

  #mqtt(endpoint: DeviceEndpoint): DeviceMqtt {
    return {
      serve: (handle) => endpoint.serve((message) => this.#handle(handle, message)),
      publish: (topic, payload, qos) => endpoint.publish(topic, payload, qos),
      onConnection: (listener) => endpoint.onConnection(listener),
    };
  }

  #http(endpoint: HttpEndpoint): DeviceHttp {
    return { serve: (handle) => endpoint.serve((push) => this.#handlePush(handle, push)) };
  }

  /** One push at a time: whatever is observed meanwhile is durable before the answer. */
  async #handlePush(handle: (push: HttpPush) => Promise<HttpReply>, push: HttpPush): Promise<HttpReply> {
    const before = this.#accounted;
    const observed: Promise<void>[] = [];
    this.#pushed = observed;
    try {
      const reply = await handle(push);
      await Promise.all(observed);
      if (this.#accounted === before && !this.#over) {
        const detail = "the driver did not say what became of the push";
        this.#reject({ reason: "unaccounted", detail, source: push.path, bytes: push.body.length });
      }
      return reply;
    } catch (error) {
      if (this.#accounted === before) this.#withhold();
      throw error;
    } finally {
      if (this.#pushed === observed) this.#pushed = undefined;
    }
  }

  #withhold(): void {
    const { accounts } = this.#options;
    accounts.begun(1);
    accounts.withheld(1);
  }

  /** A message is done when the session says so and all that it observed is durable, whether the session waited or not. */
  #handle(handle: (message: MqttMessage) => Promise<void>, message: MqttMessage): Promise<void> {
    const { supervised, shared } = this.#options;
    const before = this.#accounted;
    const observed: Promise<void>[] = [];
    if (!message.will && !this.#sharesClient) shared.liveness.heard(supervised.device.id);
    this.#observed = observed;
    this.#posthumous = message.will;
    const outcome = attempt(() => handle(message));
    this.#posthumous = false;
    this.#observed = undefined;
    if (message.will) shared.liveness.gone(supervised.device.id, "last-will");
    if (this.#accounted === before) return this.#unaccounted(outcome, message);
    return observed.length === 0 ? outcome : Promise.all([outcome, ...observed]).then(() => {});
  }

  /** The session took a message and did not say what became of it: in its failure, or at all. */
  #unaccounted(outcome: Promise<void>, { topic, payload }: MqttMessage): Promise<void> {
    const detail = "the driver did not say what became of the message";
    return outcome.then(
      () => this.#reject({ reason: "unaccounted", detail, source: topic, bytes: payload.length }),
      (error: unknown) => {
        this.#withhold();
        throw error;
      },
    );
  }
}

function attempt(act: () => Promise<void>): Promise<void> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): Promise<never> {
  const refusal = Promise.reject(error);
  refusal.catch(() => {});
  return refusal;
}
