import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { GatewayError, isGatewayError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { newEpoch } from "./epoch.ts";
import { graftFirstPage } from "./first-page.ts";
import { contentFault, structureFault } from "./integrity.ts";
import { metaOf } from "./meta.ts";
import { migrate, refuseNewer } from "./migrations.ts";
import { attempt } from "./readable-rows.ts";
import { type Counts, salvage } from "./salvage.ts";
import { readTestimony } from "./witness.ts";

export interface OpenDatabaseOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly synchronous: NonNullable<DatabaseOptions["synchronous"]>;
  readonly budgetBytes: number;
  readonly eventCursorName: string;
  readonly alarmCursorName: string;
}

/** What was found wrong at the start and what became of it, for an alarm and for the city. */
export interface Damage {
  readonly what: string;
  /** Directory that keeps the damaged file; absent where only the newest rows are missing. */
  readonly setAside?: string;
  readonly salvaged: Counts;
  /** At most. */
  readonly lost: Counts;
  /** Rows of the alarm log that can be read but broke the old hash chain; they are kept. */
  readonly altered?: number;
}

export interface Files {
  readonly database: string;
  readonly fresh: string;
  readonly witness: string;
  readonly suspect: string;
  readonly reserve: string;
}

export function filesIn(dataDir: string): Files {
  return {
    database: join(dataDir, "zhian.db"),
    fresh: join(dataDir, "zhian.db.new"),
    witness: join(dataDir, "witness"),
    suspect: join(dataDir, "suspect"),
    reserve: join(dataDir, "reserve"),
  };
}

/** The next start looks at all of the file. */
export function markSuspect(dataDir: string): void {
  try {
    writeFileSync(filesIn(dataDir).suspect, "", { mode: 0o600 });
  } catch {
    // A disk that does not take an empty file is found out by the next start without it.
  }
}

/**
 * Opens the database, sound and with the newest schema. A damaged file is set aside and what can be read of it is copied
 * into a new one under a new epoch. Throws DB_NEWER, DB_PRAGMA_REFUSED, DISK_FULL, DISK_FAILED.
 */
export function openDatabase(options: OpenDatabaseOptions): { db: Database; damage?: Damage } {
  const files = filesIn(options.dataDir);
  finishSettingAside(options.dataDir);
  const suspect = existsSync(files.suspect);
  const found = openSound(options, suspect);
  const result = "db" in found ? found : replace(options, found.fault);
  if (suspect) rmSync(files.suspect, { force: true });
  return result;
}

function openSound(options: OpenDatabaseOptions, suspect: boolean): { db: Database } | { fault: string } {
  let db: Database | undefined;
  try {
    db = new Database({ path: filesIn(options.dataDir).database, synchronous: options.synchronous });
    refuseNewer(db);
    let fault = structureFault(db, suspect);
    if (fault === undefined) {
      migrate(db);
      fault = contentFault(db, suspect);
    }
    if (fault === undefined) return { db };
    close(db);
    return { fault };
  } catch (error) {
    if (db !== undefined) close(db);
    if (isGatewayError(error, "DB_CORRUPT")) return { fault: error.message };
    throw error;
  }
}

/** Builds the new file beside the damaged one first: a crash in between begins again from an untouched original. */
function replace(options: OpenDatabaseOptions, fault: string): { db: Database; damage: Damage } {
  const { dataDir, clock, logger, synchronous } = options;
  const files = filesIn(dataDir);
  const at = new Date(clock.wall()).toISOString();
  const setAside = freeName(join(dataDir, `corrupt-${at.replaceAll(/[-:]|\.\d+/g, "")}`));
  logger.error({ fault, setAside }, "the log is damaged; what can be read of it is copied into a new one");
  mkdirSync(setAside, { recursive: true, mode: 0o700 });
  removeDatabase(files.fresh);
  const fresh = new Database({ path: files.fresh, synchronous });
  migrate(fresh);
  graftFirstPage(files.database, fresh, join(setAside, "first-page"));
  // All into one file, so that what is looked for page by page is the newest.
  attempt(() => emptyWal(files.database));
  const old = new Database({ path: files.database, readonly: true });
  const epoch = newEpoch();
  const { eventCursorName, alarmCursorName } = options;
  const testimony = readTestimony(files.witness);
  const observationBytes = Math.min(options.budgetBytes * 0.9, freeBytes(dataDir) * 0.8);
  const counts = salvage({ old, fresh, epoch, testimony, eventCursorName, alarmCursorName, observationBytes, at });
  close(old);
  // The epoch comes last: a file with one is complete.
  fresh.transaction(() => metaOf(fresh).set("epoch", epoch));
  if (!fresh.checkpoint("TRUNCATE")) throw new GatewayError("DISK_FAILED", `${files.fresh} could not be completed`);
  fresh.close();
  const damage = { what: fault, setAside, ...counts };
  writeFileSync(join(setAside, "report.json"), `${JSON.stringify(damage, undefined, 2)}\n`, { mode: 0o600 });
  exchange(dataDir, setAside);
  logger.error({ ...counts, setAside }, "the damaged log was set aside; a new epoch begins");
  return { db: new Database({ path: files.database, synchronous }), damage };
}

/** A crash may have come when the damaged file was gone from its place and the new one not yet there. */
function finishSettingAside(dataDir: string): void {
  const files = filesIn(dataDir);
  if (!existsSync(files.fresh)) return;
  const setAside = readdirSync(dataDir)
    .filter((name) => name.startsWith("corrupt-"))
    .sort()
    .at(-1);
  if (existsSync(files.database) || setAside === undefined || !isComplete(files.fresh)) {
    removeDatabase(files.fresh);
  } else {
    exchange(dataDir, join(dataDir, setAside));
  }
}

function isComplete(path: string): boolean {
  const epoch = attempt(() => {
    const db = new Database({ path, readonly: true });
    const found = metaOf(db).get("epoch");
    db.close();
    return found;
  });
  return epoch !== undefined;
}

/** The main file goes first: without it the others mean nothing, and with a foreign one they would do harm. */
function exchange(dataDir: string, setAside: string): void {
  const { database, fresh } = filesIn(dataDir);
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(database + suffix)) renameSync(database + suffix, join(setAside, `zhian.db${suffix}`));
  }
  renameSync(fresh, database);
  // What is acknowledged from now on must not be in a file that a power cut takes the name from.
  for (const directory of [setAside, dataDir]) syncDirectory(directory);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function emptyWal(path: string): void {
  const db = new Database({ path });
  try {
    db.checkpoint("TRUNCATE");
  } finally {
    db.close();
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

function freeName(path: string): string {
  let name = path;
  for (let n = 2; existsSync(name); n += 1) name = `${path}-${n}`;
  return name;
}

function freeBytes(directory: string): number {
  const disk = statfsSync(directory);
  return disk.bavail * disk.bsize;
}

/** Of a damaged file nothing else can be expected. */
function close(db: Database): void {
  try {
    db.close();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
}
