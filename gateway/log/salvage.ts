import type { Epoch } from "../domain/ids.ts";
import type { Database } from "./database.ts";
import type { Lane, Range } from "./gaps.ts";
import { isJson } from "./integrity.ts";
import { attempt } from "./readable-rows.ts";
import { fileRecords } from "./record-index.ts";
import { rechain, type SalvagedLog, salvageAlarms, salvageObservations, salvageTransitions } from "./salvage-logs.ts";
import type { Testimony } from "./witness.ts";

/** Rows per log. */
export interface Counts {
  readonly observations: number;
  readonly transitions: number;
}

export interface SalvageOptions {
  readonly old: Database;
  readonly fresh: Database;
  readonly epoch: Epoch;
  readonly testimony: Testimony | undefined;
  readonly eventCursorName: string;
  readonly alarmCursorName: string;
  /** The newest observations that fit into this are copied. */
  readonly observationBytes: number;
  /** ISO 8601. */
  readonly at: string;
}

interface Cursor {
  readonly name: string;
  readonly seq: number;
}

/**
 * Copies what can be read of a damaged file into a new one: the alarm log first, the alarms as they stand, then the
 * observations, all under the numbers of a new epoch; then cursors and the state of the rules, moved to the new numbers.
 * Where a cursor is lost its reader begins anew, and ids keep that from doing harm.
 */
export function salvage(options: SalvageOptions): { salvaged: Counts; lost: Counts; altered: number } {
  const { old, fresh, epoch, testimony } = options;
  const { altered, ...found } = salvageTransitions(old, fresh);
  const transitions = withTail(found, testimony?.transitions);
  salvageAlarms(old, fresh);
  const after = firstThatFits(old, options.observationBytes);
  const observations = withTail(salvageObservations(old, fresh, after), testimony?.observations);
  rechain(fresh, epoch, observations.numbers);
  fileRecords(fresh, observations.numbers.count);
  fresh.transaction(() => {
    copyTable(old, fresh, "clock_spans", "span, boot, state, stepped_ms, offset_ms");
    const hadGaps = copyTable(old, fresh, "gaps", "id, lane, epoch, from_seq, to_seq, reason, at");
    copyTable(old, fresh, "quarantine", "id, lane, epoch, seq, message, reason, at, data");
    copyMeta(old, fresh, "boot");
    copyFusion(old, fresh, observations);
    const cursors = attempt(() => old.prepare<[], Cursor>("SELECT name, seq FROM cursors").all()) ?? [];
    const cursorOf = (name: string): number => cursors.find((cursor) => cursor.name === name)?.seq ?? 0;
    const put = fresh.prepare<[string, number], never>("INSERT INTO cursors (name, seq) VALUES (?, ?)");
    for (const { name, seq } of cursors) {
      if (name === options.eventCursorName) put.run(name, observations.numbers.upTo(seq));
      else if (name === options.alarmCursorName) put.run(name, transitions.numbers.upTo(seq));
      else if (hadGaps) put.run(name, seq);
    }
    const oldEpoch = metaValue(old, "epoch") ?? testimony?.epoch;
    if (oldEpoch === undefined) return;
    const declare = (lane: Lane, log: SalvagedLog, cursor: number): void =>
      declareLost(fresh, { lane, epoch: oldEpoch, at: options.at }, log.lost, cursor);
    declare("alarms", transitions, cursorOf(options.alarmCursorName));
    declare("events", observations, cursorOf(options.eventCursorName));
  });
  return {
    salvaged: { observations: observations.numbers.count, transitions: transitions.numbers.count },
    lost: { observations: sizeOf(observations.lost), transitions: sizeOf(transitions.lost) },
    altered,
  };
}

/** The end that a witness knows of and that could not be read. */
function withTail(log: SalvagedLog, head = 0): SalvagedLog {
  return head > log.last ? { ...log, lost: [...log.lost, { from: log.last + 1, to: head }] } : log;
}

function sizeOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, range) => sum + range.to - range.from + 1, 0);
}

/** The number after which the newest rows take about `bytes`. */
function firstThatFits(old: Database, bytes: number): number {
  const size = attempt(() => old.pragma("page_count") * old.pragma("page_size")) ?? 0;
  const share = bytes / Math.max(1, size);
  if (share >= 1) return 0;
  const ends = attempt(() =>
    old
      .prepare<[], { first: number | null; last: number | null }>(
        "SELECT (SELECT min(seq) FROM observations) AS first, (SELECT max(seq) FROM observations) AS last",
      )
      .get(),
  );
  const first = ends?.first ?? 1;
  const last = ends?.last ?? first;
  return last - Math.floor((last - first + 1) * Math.max(0, share));
}

/** All or nothing: half a small table would only mislead. */
function copyTable(old: Database, fresh: Database, table: string, columns: string): boolean {
  const rows = attempt(() =>
    old.prepare<[], { row: string }>(`SELECT json_array(${columns}) AS row FROM ${table}`).all(),
  );
  if (rows === undefined) return false;
  const values = columns.split(",").map((_, i) => `row ->> ${i}`);
  const insert = fresh.prepare<[string], never>(
    `INSERT INTO ${table} (${columns}) SELECT ${values.join(", ")} FROM (SELECT ? AS row)`,
  );
  for (const { row } of rows) insert.run(row);
  return true;
}

function metaValue(db: Database, key: string): string | undefined {
  const read = (): string | undefined =>
    db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?").get(key)?.value;
  return attempt(read);
}

function copyMeta(old: Database, fresh: Database, key: string): void {
  const value = metaValue(old, key);
  if (value !== undefined) fresh.prepare<[string, string], never>("INSERT INTO meta VALUES (?, ?)").run(key, value);
}

/** Half the state of a rule is worse than none: then fusion reads the log from its beginning. */
function copyFusion(old: Database, fresh: Database, observations: SalvagedLog): void {
  const place = attempt(() => old.prepare<[], { cursor: number; at: number }>("SELECT cursor, at FROM fusion").get());
  const states = attempt(() =>
    old.prepare<[], { rule: string; key: string; state: string }>("SELECT rule, key, state FROM rule_state").all(),
  );
  if (place === undefined || states === undefined || !states.every((row) => isJson(row.state))) return;
  fresh
    .prepare<[number, number], never>("INSERT INTO fusion VALUES (1, ?, ?)")
    .run(observations.numbers.upTo(place.cursor), place.at);
  const put = fresh.prepare<[string, string, string], never>("INSERT INTO rule_state VALUES (?, ?, ?)");
  for (const { rule, key, state } of states) put.run(rule, key, state);
}

function declareLost(
  fresh: Database,
  gap: { lane: Lane; epoch: string; at: string },
  lost: readonly Range[],
  cursor: number,
): void {
  const insert = fresh.prepare<[string, string, number, number, string], never>(
    "INSERT INTO gaps (lane, epoch, from_seq, to_seq, reason, at) VALUES (?, ?, ?, ?, 'damaged', ?)",
  );
  for (const { from, to } of lost) {
    if (to > cursor) insert.run(gap.lane, gap.epoch, Math.max(from, cursor + 1), to, gap.at);
  }
}
