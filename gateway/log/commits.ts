import { type ErrorCode, GatewayError, isGatewayError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { Database } from "./database.ts";
import type { Reserve } from "./reserve.ts";

/** Whether the logs take observations. `since` is log time, ms. */
export interface LogHealth {
  readonly ok: boolean;
  readonly code?: ErrorCode;
  readonly since: number;
}

/** Small facts that are kept in memory and travel with the next commit, whatever that is about. */
export interface Rider {
  dirty(): boolean;
  /** Runs inside the transaction. */
  write(): void;
  /** The transaction is durable. */
  written(): void;
}

export interface CommitsOptions {
  readonly db: Database;
  readonly reserve: Reserve;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Looks the file over after the disk failed: what is wrong with it, if anything. */
  readonly inspect: () => string | undefined;
  /** Called once when the file is found damaged: the next start has to look at all of it. */
  readonly onDamage: () => void;
}

const firstProbeMs = 1000;
const longestProbeMs = 30_000;
const rideWithinMs = 1000;
/** An old connection that never works again may be the trouble itself. */
const probesOnOldConnection = 3;

/**
 * Every write goes through here, and here is decided what a disk that says no means. A failure refuses observations at
 * once; then the disk is probed with a back-off until it takes a commit again.
 */
export class Commits {
  readonly #o: CommitsOptions;
  readonly #riders: Rider[] = [];
  readonly #checks: (() => boolean)[] = [];
  readonly #reliefs: (() => void)[] = [];
  readonly #listeners = new Set<(health: LogHealth) => void>();
  readonly #touch;
  #health: LogHealth;
  #probes = 0;
  #cancelProbe = (): void => {};
  #cancelRide: (() => void) | undefined;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#o = options;
    this.#health = { ok: true, since: options.clock.now() };
    this.#touch = options.db.prepare<[string], never>(
      "INSERT INTO meta (key, value) VALUES ('probe', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
    options.db.onError((error) => {
      if (error.code === "DB_CORRUPT") this.#fail(error);
    });
  }

  health(): LogHealth {
    return this.#health;
  }

  onHealth(listener: (health: LogHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ride(rider: Rider): void {
    this.#riders.push(rider);
  }

  /** Is what the file holds what memory says? Asked after the file was opened anew. */
  checkWith(check: () => boolean): void {
    this.#checks.push(check);
  }

  /** Called before a full disk is probed: time to give up what can be spared. */
  relieveWith(relief: () => void): void {
    this.#reliefs.push(relief);
  }

  /** For observations: refused at once while the disk is in trouble, since the device still has them. */
  bulk<T>(work: () => T): T {
    if (!this.#health.ok || this.#closed) throw this.refusal();
    return this.#attempt(work);
  }

  /** For alarms, cursors and trimming: on a full disk the reserve is spent on them. */
  vital<T>(work: () => T): T {
    if (this.#closed || this.#health.code === "DISK_FAILED" || this.#health.code === "DB_CORRUPT") throw this.refusal();
    const result = this.#attemptWithReserve(work);
    if (this.#health.code === "DISK_FULL") this.#emptyWal();
    return result;
  }

  /** The error that an append gets now. */
  refusal(): GatewayError {
    if (this.#closed) return new GatewayError("LOG_CLOSED", "the log is closed");
    const code = this.#health.code ?? "DISK_FAILED";
    return new GatewayError(code, `${this.#o.db.path} takes nothing at the moment`);
  }

  /** What rides is written within a second even where nothing else is. */
  rideSoon(): void {
    if (this.#cancelRide !== undefined || this.#closed) return;
    this.#cancelRide = this.#o.clock.after(rideWithinMs, () => {
      this.#cancelRide = undefined;
      this.flush();
    });
  }

  /** Writes what rides, now. A disk that refuses is asked again in a second. */
  flush(): void {
    if (!this.#riders.some((rider) => rider.dirty())) return;
    try {
      this.vital(() => {});
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.rideSoon();
    }
  }

  /** Begins in trouble where there is no room for the reserve. */
  startWithReserve(): void {
    if (this.#o.reserve.fill()) return;
    this.#fail(new GatewayError("DISK_FULL", `${this.#o.db.path}: no room for the reserve beside it`));
  }

  /** Something beside a commit showed that the file is not what it was: it is probed and opened anew. */
  suspect(error: GatewayError): void {
    this.#fail(error);
  }

  close(): void {
    this.#closed = true;
    this.#cancelProbe();
    this.#cancelRide?.();
  }

  #attempt<T>(work: () => T): T {
    try {
      return this.#commit(work);
    } catch (error) {
      if (error instanceof GatewayError) this.#fail(error);
      throw error;
    }
  }

  #commit<T>(work: () => T): T {
    let riders: Rider[] = [];
    const result = this.#o.db.transaction(() => {
      const done = work();
      riders = this.#riders.filter((rider) => rider.dirty());
      for (const rider of riders) rider.write();
      return done;
    });
    for (const rider of riders) rider.written();
    return result;
  }

  #attemptWithReserve<T>(work: () => T): T {
    try {
      return this.#attempt(work);
    } catch (error) {
      if (!isGatewayError(error, "DISK_FULL") || !this.#o.reserve.release()) throw error;
      this.#o.logger.warn({}, "the disk is full: the reserve was given up for an alarm, a cursor or for trimming");
      this.#emptyWal();
      return this.#attempt(work);
    }
  }

  /** Once it is moved into the main file the write-ahead log begins anew in the room that it has, and needs no more. */
  #emptyWal(): void {
    try {
      this.#o.db.checkpoint("PASSIVE");
    } catch (error) {
      if (!isGatewayError(error, "DISK_FULL")) throw error;
    }
  }

  #fail(error: GatewayError): void {
    const before = this.#health.code;
    this.#o.telemetry.count("zhian_log_commit_failures_total", { code: error.code });
    // The graver trouble stays until it is mended: a disk that failed is not merely full.
    if (before === "DB_CORRUPT" || before === error.code || (before === "DISK_FAILED" && error.code === "DISK_FULL")) {
      return;
    }
    this.#o.logger.error({ err: error, hint: error.hint }, "the disk does not take the log; devices are not answered");
    if (error.code === "DB_CORRUPT") this.#o.onDamage();
    this.#tell({ ok: false, code: error.code, since: this.#o.clock.now() });
    this.#cancelProbe();
    this.#probes = 0;
    if (error.code !== "DB_CORRUPT") this.#probeLater();
  }

  #probeLater(): void {
    const wait = Math.min(longestProbeMs, firstProbeMs * 2 ** Math.min(this.#probes, 10));
    this.#probes += 1;
    this.#cancelProbe = this.#o.clock.after(wait, () => this.#probe());
  }

  #probe(): void {
    const trouble = this.#health.code;
    try {
      if (trouble === "DISK_FULL" ? this.#probeFull() : this.#probeFailed()) {
        this.#o.logger.info({ after: trouble }, "the disk takes the log again");
        this.#tell({ ok: true, since: this.#o.clock.now() });
        return;
      }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#fail(error);
    }
    // A trouble of another kind that came up meanwhile takes its own course.
    if (this.#health.code === trouble) this.#probeLater();
  }

  /** Observations flow again only when the reserve is there: the next alarm must find it. */
  #probeFull(): boolean {
    for (const relief of this.#reliefs) relief();
    if (!this.#o.reserve.fill()) return false;
    this.#commit(() => this.#touch.run(String(this.#o.clock.now())));
    return true;
  }

  /**
   * A commit that failed in fsync may stand in the write-ahead log and come back with the next opening, although it was
   * refused. So the old connection first writes over it; only then the file is opened anew and looked over.
   */
  #probeFailed(): boolean {
    if (this.#probes > probesOnOldConnection) this.#o.db.reopen();
    this.#commit(() => this.#touch.run(String(this.#o.clock.now())));
    if (!this.#o.db.checkpoint("TRUNCATE")) return false;
    this.#o.db.reopen();
    const fault = this.#o.inspect() ?? (this.#checks.every((check) => check()) ? undefined : "it has another end");
    if (fault === undefined) return true;
    this.#fail(new GatewayError("DB_CORRUPT", `${this.#o.db.path}: ${fault}`));
    return false;
  }

  #tell(health: LogHealth): void {
    this.#health = health;
    this.#o.telemetry.gauge("zhian_log_ok", health.ok ? 1 : 0);
    for (const listener of this.#listeners) listener(health);
  }
}
