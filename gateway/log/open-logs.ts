import { mkdirSync, statfsSync } from "node:fs";
import { isGatewayError } from "../domain/errors.ts";
import type { SiteId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlarmLog, Cursors, Gaps, LaneSource, Ledger, ObservationLog, PushLog } from "../ports/logs.ts";
import type { StorageView } from "../ports/status.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { SqliteAlarmLog } from "./alarm-log.ts";
import { ClockSpans } from "./clock-spans.ts";
import { Commits, type LogHealth } from "./commits.ts";
import { SqliteCursors } from "./cursors.ts";
import { type Database, translate } from "./database.ts";
import { FileWatch } from "./file-watch.ts";
import { type Lane, SqliteGaps } from "./gaps.ts";
import { type ChainAnchor, type ChainVerdict, genesis } from "./hash-chain.ts";
import { contentFault, headOf, structureFault } from "./integrity.ts";
import { AlarmLane, EventLane } from "./lanes.ts";
import { ledgerOf } from "./ledger.ts";
import { lockDataDir } from "./lock.ts";
import { findLostEnd } from "./lost-end.ts";
import { metaOf } from "./meta.ts";
import { SqliteObservationLog } from "./observation-log.ts";
import { type Damage, filesIn, markSuspect, openDatabase } from "./open-database.ts";
import { SqlitePushLog } from "./push-log.ts";
import { Reserve } from "./reserve.ts";
import { Retention } from "./retention.ts";
import { Trimming } from "./trimming.ts";
import { readTestimony, Witness } from "./witness.ts";

export interface LogsOptions {
  /** Made where it is missing. One gateway at a time. */
  readonly dataDir: string;
  readonly siteId: SiteId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** For the database with its write-ahead log; the reserve comes on top. */
  readonly budgetBytes: number;
  /** Names of the cursors of the two lanes: what lies behind them counts as delivered. */
  readonly eventCursorName: string;
  readonly alarmCursorName: string;
  /** Age limits, ms; 30 days and 180 days where absent. */
  readonly observationsForMs?: number;
  readonly alarmsForMs?: number;
  /** 8 MiB where absent. */
  readonly reserveBytes?: number;
}

/** The logs of a gateway, opened, sound and locked. */
export interface Logs {
  readonly observations: ObservationLog;
  readonly alarms: AlarmLog & { verify(): ChainVerdict };
  readonly cursors: Cursors;
  readonly pushes: PushLog;
  readonly gaps: Gaps;
  readonly lanes: { readonly alarms: LaneSource; readonly events: LaneSource };
  ledger(lane: Lane): Ledger;
  /** For health checks and the console. */
  storage(): StorageView;
  /** DB_CORRUPT does not mend itself: the gateway has to start anew, and the start salvages. */
  health(): LogHealth;
  onHealth(listener: (health: LogHealth) => void): () => void;
  /** What was found wrong at this start. */
  readonly damage?: Damage;
  /** Counts the starts. `lastAt`: the log time that was reached before, ms; 0 in a new log. */
  readonly boot: { readonly number: number; readonly lastAt: number };
  /** Writes what waits and lets go of the data directory. A second call does nothing. */
  close(): void;
}

interface Opened {
  readonly db: Database;
  readonly damage?: Damage;
}

const dayMs = 24 * 60 * 60 * 1000;
const reserveBytes = 8 * 1024 * 1024;
/** What was delivered is given up on a full disk down to so many times the reserve. */
const floorReserves = 4;

/** Throws DATA_DIR_LOCKED, DB_NEWER, DB_PRAGMA_REFUSED, DISK_FULL or DISK_FAILED. */
export function openLogs(options: LogsOptions): Logs {
  let unlock = (): void => {};
  try {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
    unlock = lockDataDir(options.dataDir);
    return openLocked(options, unlock);
  } catch (error) {
    unlock();
    throw translate(error, options.dataDir);
  }
}

function openLocked(options: LogsOptions, unlock: () => void): Logs {
  const reserve = new Reserve(filesIn(options.dataDir).reserve, options.reserveBytes ?? reserveBytes);
  const opened = openDespiteFullDisk(options, reserve);
  try {
    return join(options, opened, reserve, unlock);
  } catch (error) {
    opened.db.close();
    throw error;
  }
}

/** The parts of the logs, joined around one connection. */
function join(options: LogsOptions, opened: Opened, reserve: Reserve, unlock: () => void): Logs {
  const { dataDir, clock, logger, telemetry, siteId, budgetBytes, eventCursorName, alarmCursorName } = options;
  const { db } = opened;
  const files = filesIn(dataDir);
  const at = new Date(clock.wall()).toISOString();
  // A file that was just salvaged has an epoch that the witness cannot know yet, and has heard its testimony.
  const testimony = opened.damage === undefined ? readTestimony(files.witness) : undefined;
  const found = findLostEnd({ db, testimony, eventCursorName, at });
  const { epoch } = found;
  const damage = opened.damage ?? found.damage;
  if (found.damage !== undefined)
    logger.error({ ...found.damage }, "the end of the log is missing; a new epoch begins");

  const commits = new Commits({
    ...{ db, reserve, clock, logger, telemetry },
    inspect: () => structureFault(db, false) ?? contentFault(db, false),
    onDamage: () => markSuspect(dataDir),
  });
  const boot = nextBoot(db, commits);
  const heads = { observations: headOf(db, "observations"), transitions: headOf(db, "alarm_log") };
  const anchor = chainAnchor(db, genesis(epoch));
  const witness = new Witness(files.witness, {
    epoch,
    ...heads,
    transitions: Math.max(heads.transitions, anchor.get().seq),
  });
  const spans = new ClockSpans(db, commits, clock, boot.number);
  const cursors = new SqliteCursors(db, commits);
  const gaps = new SqliteGaps(db, commits, clock, epoch);
  const shared = { db, commits, spans, clock, logger, witness, epoch };
  const alarms = new SqliteAlarmLog({ ...shared, anchor: anchor.get });
  const { observations: head } = heads;
  const observations = new SqliteObservationLog({ ...shared, telemetry, siteId, head, floor: boot.lastAt });
  const trimming = new Trimming({
    db,
    commits,
    gaps,
    cursors,
    eventCursorName,
    alarmCursorName,
    setAnchor: anchor.set,
  });
  const retention = new Retention({
    ...{ db, commits, trimming, clock, logger, telemetry, budgetBytes },
    observationsForMs: options.observationsForMs ?? 30 * dayMs,
    alarmsForMs: options.alarmsForMs ?? 180 * dayMs,
    floorBytes: (options.reserveBytes ?? reserveBytes) * floorReserves,
  });
  observations.onAppended((rows) => retention.stored(rows));
  const lanes = { alarms: new AlarmLane(db, alarms, spans), events: new EventLane(db, observations, spans) };
  commits.startWithReserve();
  const watch = new FileWatch(db.path, commits, clock);

  let closed = false;
  return {
    ...{ observations, alarms, cursors, gaps, lanes, boot },
    pushes: new SqlitePushLog(db, commits),
    ...(damage === undefined ? {} : { damage }),
    ledger(lane) {
      const name = lane === "alarms" ? alarmCursorName : eventCursorName;
      return ledgerOf(lane, lanes[lane].head(), name, cursors, gaps);
    },
    storage() {
      const { ok, code } = commits.health();
      const disk = statfsSync(dataDir);
      const { bytes } = retention.usage();
      const freeBytes = disk.bavail * disk.bsize;
      return { writable: ok, ...(code === undefined ? {} : { code }), bytes, budgetBytes, freeBytes };
    },
    health: () => commits.health(),
    onHealth: (listener) => commits.onHealth(listener),
    close() {
      if (closed) return;
      closed = true;
      watch.close();
      retention.close();
      try {
        observations.close();
        commits.flush();
        commits.close();
        witness.close();
        db.close();
      } finally {
        unlock();
      }
    },
  };
}

/** Even the shared memory file of the engine needs a little room; the reserve has it. */
function openDespiteFullDisk(options: LogsOptions, reserve: Reserve): Opened {
  // For the control of the power-cut test, which must lose records with it.
  const synchronous = process.env["ZHIAN_UNSAFE_SYNCHRONOUS"] === "NORMAL" ? "NORMAL" : "FULL";
  if (synchronous !== "FULL") {
    options.logger.error({ synchronous }, "UNSAFE: acknowledged records may be lost in a power cut; for tests only");
  }
  try {
    return openDatabase({ ...options, synchronous });
  } catch (error) {
    if (!isGatewayError(error, "DISK_FULL") || !reserve.release()) throw error;
    return openDatabase({ ...options, synchronous });
  }
}

/** Counts the start. The number is written with the first commit: a full disk must not keep the gateway from starting. */
function nextBoot(db: Database, commits: Commits): Logs["boot"] {
  const meta = metaOf(db);
  const number = Number(meta.get("boot") ?? 0) + 1;
  let written = false;
  commits.ride({
    dirty: () => !written,
    write: () => meta.set("boot", String(number)),
    written() {
      written = true;
    },
  });
  commits.flush();
  const last = db.prepare<[], { at: number | null }>(
    `SELECT max(at) AS at FROM (
       SELECT at FROM fusion
       UNION ALL SELECT at FROM (SELECT at FROM observations ORDER BY seq DESC LIMIT 1)
       UNION ALL SELECT at FROM (SELECT at FROM alarm_log ORDER BY seq DESC LIMIT 1)
       UNION ALL SELECT at FROM (SELECT at FROM pushes ORDER BY seq DESC LIMIT 1))`,
  );
  return { number, lastAt: last.get()?.at ?? 0 };
}

/** Where the hash chain begins: before the first row ever, or where retention cut it. */
function chainAnchor(db: Database, start: ChainAnchor): { get(): ChainAnchor; set(anchor: ChainAnchor): void } {
  const meta = metaOf(db);
  return {
    get() {
      const seq = meta.get("chain-anchor-seq");
      const hash = meta.get("chain-anchor-hash");
      return seq === undefined || hash === undefined ? start : { seq: Number(seq), hash };
    },
    set(anchor) {
      meta.set("chain-anchor-seq", String(anchor.seq));
      meta.set("chain-anchor-hash", anchor.hash);
    },
  };
}
