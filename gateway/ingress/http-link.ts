import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceHttp, HttpPush, HttpReply, Rejection } from "../ports/driver.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { FlowMeter } from "./flow-meter.ts";
import type { IngestLimits } from "./ingest-limits.ts";

/** A device on the ingest listener for one session of its driver. After `close` its requests wait for the next session. */
export interface HttpEndpoint extends DeviceHttp {
  /** A request of the device was signed in. */
  onSign(listener: () => void): void;
  /** A request was refused before the session saw it. */
  onRefused(listener: (rejection: Rejection) => void): void;
  /** Called at once with how it is, then when requests begin to be refused for their number, and when that is over. */
  onFlooding(listener: (active: boolean) => void): void;
  /** Hands over nothing more; resolves when what was handed over is answered, or after a second. To be closed after it. */
  settle(): Promise<void>;
  close(): void;
}

const settleWithinMs = 1000;

interface Listeners {
  readonly endpoint: HttpEndpoint;
  handle: ((push: HttpPush) => Promise<HttpReply>) | undefined;
  readonly sign: (() => void)[];
  readonly refused: ((rejection: Rejection) => void)[];
  readonly flooding: ((active: boolean) => void)[];
  settling: boolean;
  /** Each gives up a request that it has under way. */
  readonly giveUp: Set<() => void>;
}

export interface HttpLinkOptions {
  readonly deviceId: DeviceId;
  readonly clock: Clock;
  readonly limits: IngestLimits;
  readonly telemetry: Telemetry;
}

/** All that the ingest listener keeps of one device: the requests that wait for their turn, and the session that serves it. */
export class HttpLink {
  readonly deviceId: DeviceId;
  readonly meter: FlowMeter;
  readonly #options: HttpLinkOptions;
  readonly #waiting = new Set<() => void>();
  #current: Listeners | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  /** What the session has under way. */
  #handed: Promise<void> = Promise.resolve();
  #stopped = false;
  #requests = 0;
  #bytes = 0;

  constructor(options: HttpLinkOptions) {
    this.deviceId = options.deviceId;
    this.#options = options;
    const { requestsPerSecond, requestBurst, floodQuietMs } = options.limits;
    const flow = {
      messagesPerSecond: requestsPerSecond,
      messageBurst: requestBurst,
      bytesPerSecond: 1,
      byteBurst: 1,
      floodQuietMs,
    };
    this.meter = new FlowMeter(options.clock, flow, (active) => {
      if (active) options.telemetry.count("zhian_ingress_floods_total", { device: options.deviceId });
      for (const listener of this.#current?.flooding ?? []) listener(active);
    });
  }

  /** Takes the place of the endpoint before it. */
  attach(): HttpEndpoint {
    this.#current?.endpoint.close();
    const listeners: Listeners = {
      endpoint: {
        serve: (handle) => {
          listeners.handle = handle;
          if (this.#current === listeners) this.#wake();
        },
        onSign: (listener) => listeners.sign.push(listener),
        onRefused: (listener) => listeners.refused.push(listener),
        onFlooding: (listener) => {
          listeners.flooding.push(listener);
          listener(this.meter.flooding);
        },
        settle: () => this.#settle(listeners),
        close: () => {
          for (const giveUp of [...listeners.giveUp]) giveUp();
          if (this.#current === listeners) this.#current = undefined;
        },
      },
      handle: undefined,
      sign: [],
      refused: [],
      flooding: [],
      settling: false,
      giveUp: new Set(),
    };
    this.#current = listeners;
    return listeners.endpoint;
  }

  /** A request that may hold so many bytes: false where too many are read already or wait for their turn. */
  enter(bytes: number): boolean {
    const { requestsPerDevice, bytesPerDevice } = this.#options.limits;
    const full = this.#requests >= requestsPerDevice || this.#bytes + bytes > bytesPerDevice;
    if (full && this.#requests > 0) return false;
    this.#requests += 1;
    this.#bytes += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
  }

  sign(): void {
    for (const listener of this.#current?.sign ?? []) listener();
  }

  refused(rejection: Rejection): void {
    for (const listener of this.#current?.refused ?? []) listener(rejection);
  }

  /**
   * Hands a request to the session when all before it are answered. Rejects where no session serves in time, or it does not
   * answer in time, or `admitted` is no longer true.
   */
  deliver(push: HttpPush, admitted: () => boolean): Promise<HttpReply> {
    const turn = this.#tail.then(() => this.#hand(push, admitted));
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** The device is no longer configured, or the listener closes. */
  stop(): void {
    this.#stopped = true;
    this.#current?.endpoint.close();
    this.meter.stop();
    this.#wake();
  }

  async #hand(push: HttpPush, admitted: () => boolean): Promise<HttpReply> {
    const serving = await this.#served();
    if (serving === undefined || !admitted()) throw new Error("no session serves the device");
    const reply = begin(() => serving.handle(push));
    const done = () => {};
    this.#handed = reply.then(done, done);
    return this.#within(this.#options.limits.handleWithinMs, reply, serving.giveUp);
  }

  /** The session that serves the device, as soon as there is one. */
  async #served() {
    const { clock, limits } = this.#options;
    const until = clock.now() + limits.serveWithinMs;
    for (;;) {
      const current = this.#current;
      if (current?.handle !== undefined && !current.settling) return { handle: current.handle, giveUp: current.giveUp };
      const left = until - clock.now();
      if (left <= 0 || this.#stopped) return undefined;
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel();
          this.#waiting.delete(wake);
          resolve();
        };
        const cancel = clock.after(left, wake);
        this.#waiting.add(wake);
      });
    }
  }

  #within<T>(ms: number, result: Promise<T>, giveUp: Set<() => void> = new Set()): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = () => {
        cancel();
        giveUp.delete(over);
      };
      const fail = (why: string) => {
        end();
        reject(new Error(why));
      };
      const over = () => fail("the session is over");
      const cancel = this.#options.clock.after(ms, () => fail("the session did not answer in time"));
      giveUp.add(over);
      result.then(resolve, reject).finally(end);
    });
  }

  #settle(listeners: Listeners): Promise<void> {
    listeners.settling = true;
    return this.#within(settleWithinMs, this.#handed).catch(() => {});
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function begin<T>(act: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    return Promise.reject(error);
  }
}
