import { GatewayError, isGatewayError } from "../domain/errors.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { DeviceSession } from "../ports/driver.ts";
import type { Accounts } from "./accounts.ts";
import { backOffMs } from "./back-off.ts";
import type { DeviceEndpoint } from "./device-link.ts";
import { describeFault } from "./fault-description.ts";
import type { HttpEndpoint } from "./http-link.ts";
import { SessionContext } from "./session-context.ts";
import type { RunnerShared, SupervisedDevice } from "./supervised-device.ts";

const reopen = { firstMs: 1000, longestMs: 60_000 };
/** A session that lasted so long has recovered: the back-off begins anew. */
const steadyMs = 60_000;
/** A session that was told to end gets this long. */
const stopWithinMs = 2000;

/** One opened session and what belongs to it. */
interface Opened {
  readonly abort: AbortController;
  readonly endpoint: DeviceEndpoint | undefined;
  readonly http: HttpEndpoint | undefined;
  readonly access: SessionContext;
  session: DeviceSession | undefined;
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

  constructor(supervised: SupervisedDevice, accounts: Accounts, shared: RunnerShared) {
    this.supervised = supervised;
    this.#accounts = accounts;
    this.#shared = shared;
  }

  get deviceId(): DeviceId {
    return this.supervised.device.id;
  }

  /** Absent while none is open. */
  get session(): DeviceSession | undefined {
    return this.#opened?.session;
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
    await Promise.all([opened.endpoint?.settle(), opened.http?.settle()]);
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
    const { supervised } = this;
    const { manifest } = supervised;
    let opened: Opened | undefined;
    try {
      const { open } = await manifest.load();
      if (this.#stopped) return;
      const endpoint = manifest.mqtt === undefined ? undefined : this.#shared.endpointOf(this.deviceId);
      const http = manifest.http === undefined ? undefined : this.#shared.httpOf(this.deviceId);
      const abort = new AbortController();
      const shared = this.#shared;
      const access = new SessionContext({
        supervised,
        accounts: this.#accounts,
        shared,
        endpoint,
        http,
        signal: abort.signal,
      });
      opened = { abort, endpoint, http, access, session: undefined };
      this.#opened = opened;
      opened.session = open(access.context());
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
    if (this.#opened !== opened) return;
    this.#opened = undefined;
    opened.access.end();
    opened.http?.close();
    if (opened.endpoint === undefined) return;
    opened.endpoint.close();
    this.#shared.liveness.connection(this.deviceId, false);
  }
}
