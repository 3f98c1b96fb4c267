import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceMqtt, MqttMessage, Rejection } from "../ports/driver.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { FlowMeter } from "./flow-meter.ts";
import type { IngressLimits } from "./limits.ts";

/** Why we end a connection of a device that is there and may come again. */
export type CutReason =
  | "forbidden-topic"
  | "not-stored"
  | "handle-timeout"
  | "too-many-unreleased"
  | "too-many-connections"
  | "session-closed"
  | "revoked"
  | "closing";

/** A connection as its device's link uses it. */
export interface LinkedConnection {
  /** It speaks for other devices too: it is not ended for what concerns this one alone. */
  readonly shared: boolean;
  /** False where the device has not subscribed to the topic or does not read what it gets. */
  send(topic: string, payload: string, qos: 0 | 1): boolean;
  /** Nothing more is acknowledged. Its last will is not due: the device is there, it is we who hang up. */
  cut(reason: CutReason): void;
  /** Nothing new is read; resolves when what was read is acknowledged and the acknowledgements are out. */
  settle(): Promise<void>;
}

/** A device on the broker for one session of its driver. After `close` its connections are cut and new ones wait. */
export interface DeviceEndpoint extends DeviceMqtt {
  /** A PINGREQ came, or a sign-in. */
  onSign(listener: () => void): void;
  /** A message was refused before the session saw it; its connection is cut. */
  onRefused(listener: (rejection: Rejection) => void): void;
  /**
   * Called at once with how it is, then when the device begins to send more than it may and when it has stopped. It is
   * slowed down meanwhile; nothing is dropped.
   */
  onFlooding(listener: (active: boolean) => void): void;
  /** Reads nothing more; resolves when what was read is acknowledged, or after a second. To be closed after it. */
  settle(): Promise<void>;
  close(): void;
}

/** What was read gets this long to be acknowledged before a connection is cut on purpose, ms. */
const settleWithinMs = 1000;

interface Listeners {
  readonly endpoint: DeviceEndpoint;
  handle: ((message: MqttMessage) => Promise<void>) | undefined;
  readonly connection: ((connected: boolean) => void)[];
  readonly sign: (() => void)[];
  readonly refused: ((rejection: Rejection) => void)[];
  readonly flooding: ((active: boolean) => void)[];
}

export interface DeviceLinkOptions {
  readonly deviceId: DeviceId;
  readonly clock: Clock;
  readonly limits: IngressLimits;
  readonly telemetry: Telemetry;
}

/** All that the broker keeps of one device: its connections, its share of the traffic, and the session that serves it. */
export class DeviceLink {
  readonly deviceId: DeviceId;
  /** Signed in, oldest first. */
  readonly connections = new Set<LinkedConnection>();
  /** Accepted, with CONNACK still to come. */
  readonly #arriving = new Set<LinkedConnection>();
  readonly meter: FlowMeter;
  readonly #options: DeviceLinkOptions;
  readonly #waiting = new Set<(serving: boolean) => void>();
  /** Messages that its session has begun. */
  readonly #begun = new Set<Promise<void>>();
  #current: Listeners | undefined;

  constructor(options: DeviceLinkOptions) {
    this.deviceId = options.deviceId;
    this.#options = options;
    this.meter = new FlowMeter(options.clock, options.limits, (active) => {
      const device = { device: options.deviceId };
      if (active) options.telemetry.count("zhian_ingress_floods_total", device);
      for (const listener of this.#current?.flooding ?? []) listener(active);
    });
  }

  get serving(): boolean {
    return this.#current?.handle !== undefined;
  }

  /** Takes the place of the endpoint before it. */
  attach(): DeviceEndpoint {
    this.#current?.endpoint.close();
    const listeners: Listeners = {
      endpoint: {
        serve: (handle) => {
          listeners.handle = handle;
          if (this.#current === listeners) this.#answer(true);
        },
        publish: (topic, payload, qos = 0) => {
          if (this.#current === listeners) this.#publish(topic, payload, qos);
        },
        onConnection: (listener) => {
          listeners.connection.push(listener);
          // One that is shared stayed, and is no news to anybody else.
          if ([...this.connections].some(({ shared }) => shared)) listener(true);
        },
        onSign: (listener) => listeners.sign.push(listener),
        onRefused: (listener) => listeners.refused.push(listener),
        onFlooding: (listener) => {
          listeners.flooding.push(listener);
          listener(this.meter.flooding);
        },
        settle: () => (this.#current === listeners ? this.settle() : Promise.resolve()),
        close: () => {
          if (this.#current !== listeners) return;
          this.#sessionOver();
          this.#current = undefined;
        },
      },
      handle: undefined,
      connection: [],
      sign: [],
      refused: [],
      flooding: [],
    };
    this.#current = listeners;
    return listeners.endpoint;
  }

  /** Resolves when a session serves the device; `false` where none did in time. */
  served(): Promise<boolean> {
    if (this.serving) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(this.#options.limits.serveWithinMs, () => answer(false));
      const answer = (serving: boolean) => {
        cancel();
        this.#waiting.delete(answer);
        resolve(serving);
      };
      this.#waiting.add(answer);
    });
  }

  /** Hands a message to the session, at once; a session that throws is one that rejects. */
  deliver(message: MqttMessage): Promise<void> {
    const handle = this.#current?.handle;
    if (handle === undefined) return Promise.reject(new Error("no session serves the device"));
    const outcome = begin(() => handle(message));
    this.#begun.add(outcome);
    const done = () => this.#begun.delete(outcome);
    outcome.then(done, done);
    return outcome;
  }

  arriving(connection: LinkedConnection): void {
    this.#arriving.add(connection);
  }

  signedIn(connection: LinkedConnection): void {
    this.#arriving.delete(connection);
    const tooMany = this.connections.size + 1 - this.#options.limits.connectionsPerDevice;
    for (const oldest of [...this.connections].slice(0, Math.max(0, tooMany))) oldest.cut("too-many-connections");
    this.connections.add(connection);
    for (const listener of this.#current?.connection ?? []) listener(true);
    if (!connection.shared) this.sign();
  }

  signedOut(connection: LinkedConnection): void {
    this.#arriving.delete(connection);
    if (!this.connections.delete(connection) || this.connections.size > 0) return;
    for (const listener of this.#current?.connection ?? []) listener(false);
  }

  /** Is the device connected, or about to be, by another one than this? */
  hasOther(connection: LinkedConnection): boolean {
    return [...this.connections, ...this.#arriving].some((other) => other !== connection);
  }

  sign(): void {
    for (const listener of this.#current?.sign ?? []) listener();
  }

  refused(rejection: Rejection): void {
    for (const listener of this.#current?.refused ?? []) listener(rejection);
  }

  /** `every`: those that others share too. */
  settle(every = false): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(settleWithinMs, resolve);
      const connections = [...this.connections];
      const own = connections.filter(({ shared }) => every || !shared).map((connection) => connection.settle());
      // One that others share goes on; what it had brought for this device is waited for.
      const begun = own.length < connections.length ? [...this.#begun] : [];
      void Promise.allSettled([...own, ...begun]).then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Ends all connections for a reason of ours. */
  cut(reason: "session-closed" | "revoked"): void {
    for (const connection of [...this.connections, ...this.#arriving]) connection.cut(reason);
  }

  /** The device is no longer configured. */
  stop(): void {
    this.#current?.endpoint.close();
    this.meter.stop();
    this.#answer(false);
  }

  /** What its session had begun is not acknowledged any more; a shared connection without such goes on. */
  #sessionOver(): void {
    for (const connection of [...this.connections, ...this.#arriving])
      if (!connection.shared || this.#begun.size > 0) connection.cut("session-closed");
    this.#begun.clear();
  }

  #answer(serving: boolean): void {
    for (const answer of [...this.#waiting]) answer(serving);
  }

  #publish(topic: string, payload: string, qos: 0 | 1): void {
    const taken = [...this.connections].filter((connection) => connection.send(topic, payload, qos));
    const outcome = taken.length > 0 ? "sent" : "lost";
    this.#options.telemetry.count("zhian_ingress_down_total", { device: this.deviceId, outcome });
  }
}

function begin(act: () => Promise<void>): Promise<void> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    return Promise.reject(error);
  }
}
