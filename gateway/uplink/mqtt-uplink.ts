import type { ErrorCode } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { backoffMs, reconnectBackoff, takeoverBackoff } from "./backoff.ts";
import { contentType } from "./envelope.ts";
import type {
  ConnectFailure,
  Incoming,
  OpenWire,
  ProtocolVersion,
  TlsFiles,
  Wire,
  WireEnd,
  WireOptions,
} from "./wire-types.ts";

/** Where and as whom to connect. */
export interface ConnectionOptions {
  /** Brokers of the city, tried in this order. */
  readonly urls: readonly string[];
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsFiles;
  readonly keepAliveSeconds: number;
  readonly connectTimeoutMs: number;
  readonly ackTimeoutMs: number;
}

/** What happens on a connection. */
export interface Conversation {
  /** Published by the broker when we are gone without a goodbye. */
  will(): WireOptions["will"];
  /** Says hello and sets the lanes going; settles even when the wire ends meanwhile. */
  begin(wire: Wire): Promise<void>;
  receive(message: Incoming): void;
  /** The wire is gone. */
  end(end: WireEnd): void;
  /** Stops the lanes and says goodbye; takes no longer than `withinMs`. */
  goodbye(wire: Wire, withinMs: number): Promise<void>;
}

export interface ConnectionState {
  readonly state: "up" | "connecting" | "down";
  /** Log time ms. */
  readonly since: number;
  readonly code?: ErrorCode;
  /** For an operator; no secrets. */
  readonly reason?: string;
  /** Of the broker that is, or was last, spoken to; without credentials. */
  readonly url?: string;
  readonly protocol?: "5.0" | "3.1.1";
  /** Attempts that failed in a row. */
  readonly failures: number;
}

interface Parts {
  readonly conversation: Conversation;
  readonly openWire: OpenWire;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly stateChanged: (state: ConnectionState) => void;
}

/** A connection that held for so long was a good one, ms. */
const goodAfterMs = 10_000;
const sessionTakenOver = 0x8e;
/** Closed so often in a row, each time within a minute of being up: MQTT 3.1.1 brokers say no more when a name is used twice. */
const closuresToWonder = 5;
const closedSoonMs = 60_000;
const versionRefusals: ReadonlySet<number> = new Set([1, 0x84]);
/** How long a broker is spoken to in MQTT 3.1.1 after it refused 5, and after it merely fell silent, ms. */
const refusedForMs = 24 * 3_600_000;
const fellSilentForMs = 3_600_000;
const goodbyeWithinMs = 1_500;
const closeWithinMs = 400;

/**
 * Keeps one connection to the city, for ever: another wire after each that ended, another broker after each that did not
 * answer, with a pause that grows and is never the same for two gateways.
 */
export class MqttUplink {
  readonly #parts: Parts;
  #options: ConnectionOptions;
  #state: ConnectionState;
  #wire: Wire | undefined;
  #abort = new AbortController();
  #stopped = false;
  #running: Promise<void> | undefined;
  #wakeUp: (() => void) | undefined;
  /** Brokers that are spoken to in MQTT 3.1.1, by URL, with the log time up to which. */
  readonly #older = new Map<string, number>();

  constructor(options: ConnectionOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#state = { state: "connecting", since: parts.clock.now(), failures: 0 };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Goes on with these options, on a new connection, without a goodbye. */
  async reconnect(options: ConnectionOptions): Promise<void> {
    this.#options = options;
    this.#older.clear();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#wakeUp?.();
    await this.#wire?.close(closeWithinMs);
  }

  /** Says goodbye and ends; within two seconds, whatever the broker does. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    this.#wakeUp?.();
    const wire = this.#wire;
    if (wire !== undefined) {
      await this.#parts.conversation.goodbye(wire, goodbyeWithinMs);
      await wire.close(closeWithinMs);
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, telemetry, logger } = this.#parts;
    let failures = 0;
    let takeovers = 0;
    let closures = 0;
    let place = 0;
    while (!this.#stopped) {
      const { urls } = this.#options;
      const url = urls[place % urls.length] ?? "";
      this.#say({ state: "connecting", url: withoutSecrets(url), failures });
      const options = this.#options;
      const opened = await this.#open(url);
      // Other options were given meanwhile, or all is over.
      if (options !== this.#options || this.#stopped) {
        if (opened.ok) opened.wire.destroy("not wanted any more");
        failures = 0;
        place = 0;
        continue;
      }
      if (!opened.ok) {
        closures = 0;
        failures += 1;
        place += 1;
        const { failure } = opened;
        telemetry.count("zhian_uplink_connect_failures_total", { kind: failure.kind });
        this.#sayDown(url, codeOf(failure), failure.detail, failures);
        // The next broker at once, the next round after a pause.
        if (place % urls.length === 0) {
          await this.#pause(backoffMs(Math.ceil(failures / urls.length), random, reconnectBackoff));
        }
        continue;
      }
      const since = clock.now();
      const end = await this.#converse(opened.wire, url);
      if (this.#stopped) return;
      if (end.kind === "ended") {
        failures = 0;
        place = 0;
        continue;
      }
      const lasted = clock.now() - since;
      const good = lasted >= goodAfterMs;
      failures = good ? 1 : failures + 1;
      place = good ? 0 : place + 1;
      telemetry.count("zhian_uplink_lost_total", { kind: end.kind });
      const code = end.kind === "silent" && end.what === "publish" ? "UPLINK_ACK_TIMEOUT" : "UPLINK_LOST";
      closures = end.kind === "closed" && lasted < closedSoonMs ? closures + 1 : 0;
      const doubt = closures < closuresToWonder ? "" : "; again and again: does another client use our name?";
      if (closures === closuresToWonder) {
        logger.warn(
          { clientId: options.clientId },
          "the city's broker closes again and again: is our name used twice?",
        );
      }
      this.#sayDown(url, code, `${end.detail}${doubt}`, failures);
      if (end.kind === "disconnected" && end.code === sessionTakenOver) {
        takeovers = lasted > takeoverBackoff.longestMs ? 1 : takeovers + 1;
        telemetry.count("zhian_uplink_takeovers_total");
        logger.error({ clientId: this.#options.clientId }, "another client connects to the city under our name");
        await this.#pause(backoffMs(takeovers, random, takeoverBackoff));
      } else await this.#pause(backoffMs(failures, random, reconnectBackoff));
    }
  }

  async #converse(wire: Wire, url: string): Promise<WireEnd> {
    const { conversation, telemetry, logger } = this.#parts;
    this.#wire = wire;
    telemetry.count("zhian_uplink_connects_total");
    let over = false;
    void wire.ended.then(() => {
      over = true;
    });
    await conversation.begin(wire);
    const protocol = wire.version === 5 ? "5.0" : "3.1.1";
    if (!over) {
      this.#say({ state: "up", url: withoutSecrets(url), protocol, failures: 0 });
      logger.info({ url: withoutSecrets(url), protocol }, "connected to the city");
    }
    const end = await wire.ended;
    this.#wire = undefined;
    conversation.end(end);
    return end;
  }

  /** MQTT 5 first, 3.1.1 where the broker does not speak it. */
  async #open(url: string): ReturnType<OpenWire> {
    const now = this.#parts.clock.now();
    const older = (this.#older.get(url) ?? 0) > now;
    const opened = await this.#attempt(url, older ? 4 : 5);
    if (opened.ok || this.#abort.signal.aborted) return opened;
    const { failure } = opened;
    const refused = failure.kind === "refused" && versionRefusals.has(failure.code);
    if (older) {
      if (refused) this.#older.delete(url);
      return opened;
    }
    if (!refused && failure.kind !== "no-answer") return opened;
    const again = await this.#attempt(url, 4);
    if (again.ok) this.#older.set(url, now + (refused ? refusedForMs : fellSilentForMs));
    return again.ok || refused ? again : opened;
  }

  #attempt(url: string, version: ProtocolVersion): ReturnType<OpenWire> {
    const { conversation, openWire, clock } = this.#parts;
    const { clientId, username, password, tls, keepAliveSeconds, connectTimeoutMs, ackTimeoutMs } = this.#options;
    return openWire(
      {
        url,
        version,
        clientId,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(tls === undefined ? {} : { tls }),
        will: conversation.will(),
        contentType,
        keepAliveSeconds,
        connectTimeoutMs,
        ackTimeoutMs,
        clock,
        signal: this.#abort.signal,
      },
      (message) => conversation.receive(message),
    );
  }

  #sayDown(url: string, code: ErrorCode, reason: string, failures: number): void {
    const shown = withoutSecrets(url);
    // The first failure and then every tenth: an outage of a day is a few lines, not thousands.
    if (failures === 1 || failures % 10 === 0) {
      this.#parts.logger.warn({ url: shown, code, reason, failures }, "no connection to the city");
    }
    this.#say({ state: "down", code, reason, url: shown, failures });
  }

  #say(state: Omit<ConnectionState, "since">): void {
    const { clock, telemetry, stateChanged } = this.#parts;
    const down = this.#state.state !== "up" && state.state !== "up";
    // An attempt does not end an outage: what is known of it stays until it is over.
    const why =
      state.state === "connecting" && this.#state.code !== undefined
        ? { code: this.#state.code, ...(this.#state.reason === undefined ? {} : { reason: this.#state.reason }) }
        : {};
    this.#state = { ...why, ...state, since: down ? this.#state.since : clock.now() };
    telemetry.gauge("zhian_uplink_connected", state.state === "up" ? 1 : 0);
    stateChanged(this.#state);
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped || this.#abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve);
      this.#wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }
}

function codeOf(failure: ConnectFailure): ErrorCode {
  return failure.kind === "refused" ? "UPLINK_REFUSED" : "UPLINK_LOST";
}

/** A URL as it may be shown: without user name and password. */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/]*@/i, "$1");
}
