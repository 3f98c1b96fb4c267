import { isGatewayError } from "../domain/errors.ts";
import type { Database } from "./database.ts";
import { isSound, type StoredText } from "./observation-row.ts";

const mib = 1024 * 1024;
/** Up to here the indices are compared with their tables too; up to the second every page is looked at. */
const fullUpTo = 32 * mib;
const quickUpTo = 128 * mib;
const newestRows = 10_000;
const rowsPerRead = 1000;

/** All but the observations, which alone can be big. */
const smallTables = [
  "meta",
  "clock_spans",
  "alarm_log",
  "alarms",
  "fusion",
  "rule_state",
  "cursors",
  "gaps",
  "quarantine",
  "lane_totals",
];

/**
 * What is wrong with the structure of the file, if anything. The time it takes is bounded: of a big file only the small
 * tables are checked, unless it is under suspicion, since a damaged page of the big one is found when it is read.
 */
export function structureFault(db: Database, suspect: boolean): string | undefined {
  return guarded(() => {
    const bytes = db.pragma("page_count") * db.pragma("page_size");
    if (bytes <= fullUpTo) return db.faults("full");
    if (suspect || bytes <= quickUpTo) return db.faults("quick");
    for (const table of smallTables) {
      const fault = db.faults("quick", table);
      if (fault !== undefined) return fault;
    }
    return undefined;
  });
}

/** What is wrong with the content of the rows, if anything: of all where the file is small or suspect, else of the newest. */
export function contentFault(db: Database, suspect: boolean): string | undefined {
  return guarded(() => {
    const all = suspect || db.pragma("page_count") * db.pragma("page_size") <= fullUpTo;
    return alarmsFault(db, all) ?? observationsFault(db, all);
  });
}

function alarmsFault(db: Database, all: boolean): string | undefined {
  const texts = db.prepare<[], { text: string }>(
    `SELECT json AS text FROM alarms UNION ALL SELECT state FROM rule_state`,
  );
  if (!texts.all().every((row) => isJson(row.text))) return "an alarm or the state of a rule is not JSON";
  const read = db.prepare<[number, number], { seq: number; transition: string; alarm: string }>(
    "SELECT seq, transition, alarm FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  for (const row of rowsOf(read, all ? 0 : headOf(db, "alarm_log") - newestRows)) {
    if (!isJson(row.transition) || !isJson(row.alarm)) return `row ${row.seq} of the alarm log is not JSON`;
  }
  return undefined;
}

function observationsFault(db: Database, all: boolean): string | undefined {
  const read = db.prepare<[number, number], StoredText>(
    "SELECT seq, at, crc, json FROM observations WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  for (const row of rowsOf(read, all ? 0 : headOf(db, "observations") - newestRows)) {
    if (!isSound(row)) return `observation ${row.seq} is not what was written`;
  }
  return undefined;
}

/** The highest number in a log; 0 where it is empty. */
export function headOf(db: Database, log: "observations" | "alarm_log"): number {
  return db.prepare<[], { seq: number | null }>(`SELECT max(seq) AS seq FROM ${log}`).get()?.seq ?? 0;
}

function* rowsOf<R extends { seq: number }>(read: { all(after: number, limit: number): R[] }, after: number) {
  for (let rows = read.all(after, rowsPerRead); rows.length > 0; rows = read.all(rows.at(-1)?.seq ?? 0, rowsPerRead)) {
    yield* rows;
  }
}

export function isJson(text: unknown): text is string {
  if (typeof text !== "string") return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function guarded(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    if (isGatewayError(error, "DB_CORRUPT")) return error.message;
    throw error;
  }
}
