import { closeSync, openSync } from "node:fs";
import Engine from "better-sqlite3";
import { GatewayError } from "../domain/errors.ts";

/** The only file that names the SQL engine: all else speaks SQL through it, and meets the engine's errors as ours. */
export interface DatabaseOptions {
  readonly path: string;
  /** For looking into a file that was set aside: nothing in it is changed. */
  readonly readonly?: boolean;
  /** `NORMAL` loses acknowledged rows in a power cut. It exists for the control of the power-cut test alone. */
  readonly synchronous?: "FULL" | "NORMAL";
}

type Value = string | number | Uint8Array | null;

/** Long enough for another program's read to get out of the way, short enough not to be felt in the event loop. */
const busyTimeoutMs = 250;
const incremental = 2;
const memory = 2;
const synchronousLevels = { NORMAL: 1, FULL: 2 } as const;

/** Name, value to set, value that must be read back. WAL and auto_vacuum are properties of the file, the rest of the connection. */
function pragmas(options: DatabaseOptions): readonly (readonly [string, string | number, string | number])[] {
  const synchronous = options.synchronous ?? "FULL";
  return [
    ["auto_vacuum", "INCREMENTAL", incremental],
    ["journal_mode", "WAL", "wal"],
    ["synchronous", synchronous, synchronousLevels[synchronous]],
    ["foreign_keys", 1, 1],
    ["busy_timeout", busyTimeoutMs, busyTimeoutMs],
    ["wal_autocheckpoint", 1000, 1000],
    ["journal_size_limit", 8 * 1024 * 1024, 8 * 1024 * 1024],
    ["cache_size", -8192, -8192],
    ["temp_store", "MEMORY", memory],
    ["mmap_size", 0, 0],
    ["cell_size_check", 1, 1],
    ["trusted_schema", 0, 0],
  ];
}

/** One connection. It can be closed and opened anew under the statements that were prepared on it. */
export class Database {
  readonly path: string;
  readonly #options: DatabaseOptions;
  #engine: Engine.Database;
  #generation = 0;
  #onError: (error: GatewayError) => void = () => {};
  readonly #begin: Statement<[], never>;
  readonly #commit: Statement<[], never>;
  readonly #rollback: Statement<[], never>;

  /** Throws DB_PRAGMA_REFUSED, DB_CORRUPT, DISK_FULL or DISK_FAILED. */
  constructor(options: DatabaseOptions) {
    this.path = options.path;
    this.#options = options;
    this.#engine = connect(options);
    this.#begin = this.prepare("BEGIN IMMEDIATE");
    this.#commit = this.prepare("COMMIT");
    this.#rollback = this.prepare("ROLLBACK");
  }

  /** Called with every error of the file or the disk before it is thrown. */
  onError(listener: (error: GatewayError) => void): void {
    this.#onError = listener;
  }

  prepare<P extends Value[], R>(sql: string): Statement<P, R> {
    return new Statement<P, R>(
      () => this.#generation,
      () => {
        if (!this.#engine.open) throw new GatewayError("LOG_CLOSED", `${this.path} is closed`);
        return this.#engine.prepare<P, R>(sql);
      },
      (error) => this.#translate(error),
    );
  }

  exec(sql: string): void {
    this.#guard(() => this.#engine.exec(sql));
  }

  /** All of `work` or nothing. Durable on return, with `synchronous=FULL`. */
  transaction<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** The integer value of a pragma. */
  pragma(name: string): number {
    return Number(this.#guard(() => this.#engine.pragma(name, { simple: true })));
  }

  /** Moves the write-ahead log into the main file; `TRUNCATE` also empties it. True when all of it was moved. */
  checkpoint(mode: "PASSIVE" | "TRUNCATE"): boolean {
    const busy = this.#guard(() => this.#engine.pragma(`wal_checkpoint(${mode})`, { simple: true }));
    return busy === 0;
  }

  /** Gives up to `pages` free pages back to the file system; felt there after the next checkpoint. */
  shrink(pages: number): void {
    this.#guard(() => this.#engine.pragma(`incremental_vacuum(${pages})`));
  }

  /** What is wrong with the structure, in the engine's words; `undefined` when it is sound. `quick` skips the indices. */
  faults(check: "quick" | "full", table?: string): string | undefined {
    const pragma = check === "quick" ? "quick_check" : "integrity_check";
    const verdict = this.#guard(() => this.#engine.pragma(`${pragma}(${table ?? 1})`, { simple: true }));
    return verdict === "ok" ? undefined : String(verdict);
  }

  /**
   * After an error of the disk nothing that the old connection holds can be trusted. The old one goes last, so that
   * there always is one to read from.
   */
  reopen(): void {
    const fresh = connect(this.#options);
    const old = this.#engine;
    this.#engine = fresh;
    this.#generation += 1;
    this.#guard(() => old.close());
  }

  /** A row whose content is not what was written: told like an error of the engine. */
  damaged(what: string): GatewayError {
    const error = new GatewayError("DB_CORRUPT", `${this.path}: ${what} is not what was written`);
    this.#onError(error);
    return error;
  }

  close(): void {
    this.#generation += 1;
    this.#guard(() => this.#engine.close());
  }

  #undo(): void {
    if (!this.#engine.inTransaction) return;
    try {
      this.#rollback.run();
    } catch {
      // The engine rolls back by itself when the file is next used; the first error is the one that counts.
    }
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    const translated = translate(error, this.path);
    if (translated instanceof GatewayError) this.#onError(translated);
    return translated;
  }
}

/** A prepared statement that survives a reopening of its connection. */
export class Statement<P extends Value[], R> {
  readonly #generation: () => number;
  readonly #prepare: () => Engine.Statement<P, R>;
  readonly #translate: (error: unknown) => unknown;
  #prepared: Engine.Statement<P, R> | undefined;
  #preparedAt = -1;

  constructor(generation: () => number, prepare: () => Engine.Statement<P, R>, translate: (error: unknown) => unknown) {
    this.#generation = generation;
    this.#prepare = prepare;
    this.#translate = translate;
  }

  /** The number of rows that it changed. */
  run(...values: P): number {
    try {
      return this.#current().run(...values).changes;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  get(...values: P): R | undefined {
    try {
      return this.#current().get(...values);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  all(...values: P): R[] {
    try {
      return this.#current().all(...values);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #current(): Engine.Statement<P, R> {
    if (this.#prepared === undefined || this.#preparedAt !== this.#generation()) {
      this.#prepared = this.#prepare();
      this.#preparedAt = this.#generation();
    }
    return this.#prepared;
  }
}

/**
 * Takes an exclusive lock on a file of its own. The kernel drops it with the process, however that ends, so that it is
 * never stale. Throws DATA_DIR_LOCKED where another process, or this one, holds it.
 */
export function lockFile(path: string): () => void {
  let engine: Engine.Database | undefined;
  try {
    engine = new Engine(path, { timeout: 0 });
    // No journal: the lock must hold on a full disk too, and nothing is ever written.
    engine.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    engine?.close();
    if (engineCode(error).startsWith("SQLITE_BUSY")) {
      throw new GatewayError("DATA_DIR_LOCKED", `${path} is locked by another gateway`, { cause: error });
    }
    throw translate(error, path);
  }
  const held = engine;
  return () => held.close();
}

function connect(options: DatabaseOptions): Engine.Database {
  const { path } = options;
  let engine: Engine.Database | undefined;
  try {
    // Made by us, so that nobody else can read it; the engine gives -wal and -shm the rights of the main file.
    if (options.readonly !== true) closeSync(openSync(path, "a", 0o600));
    engine = new Engine(path, { timeout: busyTimeoutMs, readonly: options.readonly ?? false });
    if (options.readonly !== true) setPragmas(engine, options);
    return engine;
  } catch (error) {
    engine?.close();
    // Pragmas are no mistake of ours: what the engine does not like about them stands in the head of the file.
    if (engineCode(error) === "SQLITE_ERROR")
      throw new GatewayError("DB_CORRUPT", saysOf(error, path), { cause: error });
    throw translate(error, path);
  }
}

function setPragmas(engine: Engine.Database, options: DatabaseOptions): void {
  for (const [name, value, expected] of pragmas(options)) {
    engine.pragma(`${name}=${value}`);
    const found = engine.pragma(name, { simple: true });
    if (found === expected) continue;
    throw new GatewayError("DB_PRAGMA_REFUSED", `${options.path}: ${name} is ${String(found)} and not ${expected}`);
  }
}

function saysOf(error: unknown, path: string): string {
  return `${path}: ${error instanceof Error ? error.message : String(error)} (${engineCode(error)})`;
}

/** Errors of the file and the disk become ours; all others are mistakes in our own code and stay as they are. */
export function translate(error: unknown, path: string): unknown {
  if (error instanceof GatewayError) return error;
  const code = engineCode(error);
  const says = saysOf(error, path);
  // Where the disk is full, the shared memory file cannot be made either.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE" || code === "ENOSPC" || code === "EDQUOT") {
    return new GatewayError("DISK_FULL", says, { cause: error });
  }
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR_READ|IOERR_SHORT_READ|IOERR_CORRUPTFS)/.test(code)) {
    return new GatewayError("DB_CORRUPT", says, { cause: error });
  }
  if (/^(SQLITE_(IOERR|READONLY|CANTOPEN|PROTOCOL|NOLFS|PERM|BUSY|LOCKED)|E[A-Z]+$)/.test(code)) {
    return new GatewayError("DISK_FAILED", says, { cause: error });
  }
  return error;
}

function engineCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
