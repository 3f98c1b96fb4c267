import { GatewayError } from "../domain/errors.ts";
import type { Database } from "./database.ts";

/** Steps from one version of the schema to the next. A step that was released is never changed again. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- A stretch of one run in which the state of the clock did not change. offset_ms: by how much its times were wrong.
  CREATE TABLE clock_spans (
    span INTEGER PRIMARY KEY, boot INTEGER NOT NULL, state TEXT NOT NULL, stepped_ms INTEGER NOT NULL, offset_ms INTEGER
  ) STRICT;

  -- at: log time. received: wall clock. occurred: the device's clock, where it has one. fire: given up last.
  -- json: the observation as the city gets it. crc: of json.
  CREATE TABLE observations (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, fire INTEGER NOT NULL, span INTEGER NOT NULL,
    received INTEGER NOT NULL, occurred INTEGER, crc INTEGER NOT NULL,
    device TEXT NOT NULL, dedup TEXT, id TEXT NOT NULL, json TEXT NOT NULL
  ) STRICT;

  -- Which records of a device are there, but for the newest: see record-index.ts.
  CREATE TABLE records (
    device TEXT NOT NULL, dedup TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (device, dedup)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER records_forgotten AFTER DELETE ON observations WHEN old.dedup IS NOT NULL BEGIN
    DELETE FROM records WHERE device = old.device AND dedup = old.dedup;
  END;

  -- cursor: how far fusion had read. hash: of the row and the hash before it.
  CREATE TABLE alarm_log (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, cursor INTEGER NOT NULL, span INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE, alarm_id TEXT NOT NULL, transition TEXT NOT NULL, alarm TEXT NOT NULL, hash TEXT NOT NULL
  ) STRICT;

  -- Every alarm as it stands: what its newest row in alarm_log says.
  CREATE TABLE alarms (
    id TEXT PRIMARY KEY, first INTEGER NOT NULL, newest INTEGER NOT NULL, open INTEGER NOT NULL, json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX alarms_open ON alarms (first) WHERE open = 1;

  CREATE TABLE fusion (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE rule_state (
    rule TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (rule, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, epoch TEXT NOT NULL, from_seq INTEGER NOT NULL,
    to_seq INTEGER NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX gaps_place ON gaps (lane, epoch, to_seq);
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    message TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (lane, epoch, seq)
  ) STRICT;
  CREATE TABLE lane_totals (
    lane TEXT NOT NULL, epoch TEXT NOT NULL, quarantined INTEGER NOT NULL, evicted INTEGER NOT NULL,
    PRIMARY KEY (lane, epoch)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What was told to people. at, due, settled_at: log time. outcome: none while it is not over.
  CREATE TABLE pushes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, due INTEGER NOT NULL,
    tier INTEGER NOT NULL, outcome TEXT, settled_at INTEGER, json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX pushes_unsettled ON pushes (seq) WHERE outcome IS NULL;
  CREATE INDEX pushes_first_tier ON pushes (due) WHERE tier = 1;
  CREATE TABLE push_tries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, push_id TEXT NOT NULL, json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX push_tries_push ON push_tries (push_id);
  CREATE TRIGGER push_tries_forgotten AFTER DELETE ON pushes BEGIN
    DELETE FROM push_tries WHERE push_id = old.id;
  END;

  -- How far the telling of each open alarm has come.
  CREATE TABLE tellings (alarm_id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];

/** Refuses what a newer program wrote. Changes nothing. */
export function refuseNewer(db: Database, known: number = migrations.length): void {
  const found = db.pragma("user_version");
  if (found <= known) return;
  throw new GatewayError("DB_NEWER", `${db.path} has schema version ${found}; this program knows up to ${known}`);
}

/**
 * Brings the schema up to date, each step in one transaction with its number: a crash leaves the version before it. Throws
 * DB_CORRUPT where the file holds already what a step would make: then its number is not what was written.
 */
export function migrate(db: Database, steps: readonly string[] = migrations): void {
  refuseNewer(db, steps.length);
  for (let version = db.pragma("user_version"); version < steps.length; version += 1) {
    db.transaction(() => {
      take(db, steps[version] ?? "");
      db.exec(`PRAGMA user_version = ${version + 1}`);
    });
  }
}

function take(db: Database, step: string): void {
  try {
    db.exec(step);
  } catch (error) {
    if (error instanceof Error && /already exists|duplicate column/.test(error.message)) {
      throw db.damaged("the schema version");
    }
    throw error;
  }
}
