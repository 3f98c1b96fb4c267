import { accessSync, constants } from "node:fs";
import type { Alarm } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import { type Epoch, epochSchema } from "../domain/ids.ts";
import type { LoggedObservation } from "../domain/observation.ts";
import type { LoggedTransition } from "../ports/logs.ts";
import { parseTransition } from "./alarm-log.ts";
import { Database } from "./database.ts";
import { metaOf } from "./meta.ts";
import { refuseNewer } from "./migrations.ts";
import { parseObservation, soundText } from "./observation-row.ts";
import { filesIn } from "./open-database.ts";
import { type AlarmLogVerdict, type VerifyOptions, verifyAlarmLog } from "./verify-alarms.ts";

/** Both logs as they were at one moment, read in pieces: what is appended meanwhile is not seen. */
export interface Recorded {
  /** How far fusion had saved itself, log time ms; absent where it never did. */
  readonly until?: { readonly cursor: number; readonly at: number };
  /** Number of the newest observation; 0 where there is none. */
  readonly head: number;
  /** Those after `seq`, oldest first. Throws DB_CORRUPT where one is not what was written. */
  read(after: number, limit: number): readonly LoggedObservation[];
  /** Steps of the alarm log after `seq`, oldest first, with the log time of their commit. */
  steps(after: number, limit: number): readonly (LoggedTransition & { readonly at: number })[];
}

/** The logs of a data directory, for reading alone; a gateway may run on it. */
export interface LogReader {
  readonly epoch: Epoch;
  recorded(): Recorded;
  verify(options: VerifyOptions): AlarmLogVerdict;
  close(): void;
}

interface Moment {
  readonly cursor: number | null;
  readonly at: number | null;
  readonly observations: number | null;
  readonly transitions: number | null;
}

interface ObservationRow {
  readonly seq: number;
  readonly at: number;
  readonly crc: number;
  readonly json: string;
}

interface StepRow {
  readonly seq: number;
  readonly at: number;
  readonly cursor: number;
  readonly transition: string;
  readonly alarm: string;
}

/**
 * Opens the logs without a lock of ours and without changing anything. Every read is short and holds no snapshot, so that
 * a gateway that runs there can empty its write-ahead log meanwhile. Throws DATA_ABSENT, CONFIG_UNREADABLE, DB_NEWER,
 * DB_CORRUPT or DISK_FAILED.
 */
export function openLogReader(dataDir: string): LogReader {
  const { database, witness } = filesIn(dataDir);
  mustBeReadable(database);
  const db = new Database({ path: database, readonly: true });
  try {
    refuseNewer(db);
    const epoch = db.pragma("user_version") === 0 ? undefined : metaOf(db).get("epoch");
    if (epoch === undefined) throw new GatewayError("DATA_ABSENT", `${database} was never begun`);
    return reader(db, epochSchema.parse(epoch), witness);
  } catch (error) {
    db.close();
    throw error;
  }
}

function mustBeReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new GatewayError("DATA_ABSENT", `there is no ${path}`);
    }
    throw new GatewayError("CONFIG_UNREADABLE", `${path} cannot be read by this user`, { cause: error });
  }
}

function reader(db: Database, epoch: Epoch, witness: string): LogReader {
  // One statement is one moment.
  const moment = db.prepare<[], Moment>(
    `SELECT (SELECT cursor FROM fusion) AS cursor, (SELECT at FROM fusion) AS at,
            (SELECT max(seq) FROM observations) AS observations, (SELECT max(seq) FROM alarm_log) AS transitions`,
  );
  const observations = db.prepare<[number, number, number], ObservationRow>(
    "SELECT seq, at, crc, json FROM observations WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
  );
  const transitions = db.prepare<[number, number, number], StepRow>(
    "SELECT seq, at, cursor, transition, alarm FROM alarm_log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
  );
  return {
    epoch,
    recorded() {
      const now = moment.get();
      const head = now?.observations ?? 0;
      const lastStep = now?.transitions ?? 0;
      const { cursor, at } = now ?? { cursor: null, at: null };
      return {
        ...(cursor === null || at === null ? {} : { until: { cursor, at } }),
        head,
        read: (after, limit) =>
          observations.all(after, head, limit).map((row) => ({
            seq: row.seq,
            at: row.at,
            observation: parseObservation(soundText(db, row)),
          })),
        steps: (after, limit) => transitions.all(after, lastStep, limit).map((row) => step(db, row)),
      };
    },
    verify: (options) => verifyAlarmLog(db, witness, options),
    close: () => db.close(),
  };
}

function step(db: Database, row: StepRow): LoggedTransition & { at: number } {
  try {
    return {
      seq: row.seq,
      at: row.at,
      observationCursor: row.cursor,
      transition: parseTransition(row.transition),
      alarm: parseAlarm(row.alarm),
    };
  } catch (error) {
    if (error instanceof SyntaxError) throw db.damaged(`row ${row.seq} of the alarm log`);
    throw error;
  }
}

/** The text is our own, chained by its hash. */
function parseAlarm(text: string): Alarm {
  return JSON.parse(text) as Alarm;
}
