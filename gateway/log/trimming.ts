import type { Cursors } from "../ports/logs.ts";
import type { Database } from "./database.ts";
import type { Range, SqliteGaps } from "./gaps.ts";
import type { ChainAnchor } from "./hash-chain.ts";

export interface TrimmingOptions {
  readonly db: Database;
  readonly gaps: SqliteGaps;
  readonly cursors: Cursors;
  readonly eventCursorName: string;
  readonly alarmCursorName: string;
  readonly setAnchor: (anchor: ChainAnchor) => void;
}

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly fire: number;
}

/** Small enough that one step blocks the event loop some tens of milliseconds at most. */
const rowsPerStep = 1000;

/**
 * What goes, oldest first, a step at a time; each method runs inside a transaction and says how many rows it removed.
 * What fusion has not read stays, always. The newest row stays too: the numbering goes on from it.
 */
export class Trimming {
  readonly #o: TrimmingOptions;
  readonly #sql;
  /** Up to here all rows that are not related to fire are gone: the walk past the others is made once. */
  #walked = 0;

  constructor(options: TrimmingOptions) {
    this.#o = options;
    this.#sql = statements(options.db);
  }

  /** What the city has: first what is not related to fire, then the rest. */
  delivered(): number {
    const end = Math.min(this.#fused(), this.#cursor());
    return this.#plain(end) || this.#oldest(end);
  }

  /** What the city does not have yet, in the same order; every number that is lost so is declared as a gap. */
  undelivered(): number {
    const end = this.#fused();
    return this.#plain(end) || this.#oldest(end);
  }

  /** What the city has and is older than `before`, log time ms. */
  agedObservations(before: number): number {
    const end = Math.min(this.#fused(), this.#cursor());
    const rows = this.#sql.window.all(0, end, rowsPerStep).filter((row) => row.at < before);
    return this.#remove(rows);
  }

  /** Alarm log rows older than `before` that the city has, up to the first alarm that is still open. */
  agedAlarms(before: number): number {
    const { cursors, alarmCursorName } = this.#o;
    const newest = this.#sql.newestTransition.get()?.seq ?? 0;
    const firstOpen = this.#sql.firstOpen.get()?.seq ?? Number.POSITIVE_INFINITY;
    const end = Math.min(cursors.get(alarmCursorName), firstOpen - 1, newest - 1);
    const last = this.#sql.oldestTransitions
      .all(end, rowsPerStep)
      .filter((row) => row.at < before)
      .at(-1);
    if (last === undefined) return 0;
    this.#o.setAnchor({ seq: last.seq, hash: last.hash });
    this.#sql.forgetAlarms.run(last.seq);
    return this.#sql.removeTransitions.run(last.seq);
  }

  /** Messages in quarantine received before `before`, ISO 8601. */
  agedQuarantine(before: string): number {
    return this.#sql.removeQuarantine.run(before);
  }

  #cursor(): number {
    return this.#o.cursors.get(this.#o.eventCursorName);
  }

  /** As saved, not as reached: a crash reads again from there. */
  #fused(): number {
    const newest = this.#sql.newest.get()?.seq ?? 0;
    return Math.min(this.#sql.fused.get()?.cursor ?? 0, newest - 1);
  }

  #plain(end: number): number {
    for (;;) {
      const rows = this.#sql.window.all(this.#walked, end, rowsPerStep);
      const last = rows.at(-1);
      if (last === undefined) return 0;
      this.#walked = last.seq;
      const doomed = rows.filter((row) => row.fire === 0);
      if (doomed.length > 0) return this.#remove(doomed);
    }
  }

  #oldest(end: number): number {
    return this.#remove(this.#sql.window.all(0, end, rowsPerStep));
  }

  #remove(rows: readonly Row[]): number {
    if (rows.length === 0) return 0;
    for (const row of rows) this.#sql.remove.run(row.seq);
    const cursor = this.#cursor();
    const { gaps } = this.#o;
    const undelivered = rows.filter((row) => row.seq > cursor && !gaps.isQuarantined("events", row.seq));
    gaps.evict("events", rangesOf(undelivered));
    gaps.prune("events", cursor);
    return rows.length;
  }
}

/** Ascending rows as ranges without a hole. */
function rangesOf(rows: readonly { readonly seq: number }[]): Range[] {
  const ranges: { from: number; to: number }[] = [];
  for (const { seq } of rows) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to === seq - 1) last.to = seq;
    else ranges.push({ from: seq, to: seq });
  }
  return ranges;
}

function statements(db: Database) {
  return {
    newest: db.prepare<[], { seq: number | null }>("SELECT max(seq) AS seq FROM observations"),
    fused: db.prepare<[], { cursor: number }>("SELECT cursor FROM fusion"),
    window: db.prepare<[number, number, number], Row>(
      "SELECT seq, at, fire FROM observations WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
    ),
    remove: db.prepare<[number], never>("DELETE FROM observations WHERE seq = ?"),
    newestTransition: db.prepare<[], { seq: number | null }>("SELECT max(seq) AS seq FROM alarm_log"),
    firstOpen: db.prepare<[], { seq: number | null }>("SELECT min(first) AS seq FROM alarms WHERE open = 1"),
    oldestTransitions: db.prepare<[number, number], { seq: number; at: number; hash: string }>(
      "SELECT seq, at, hash FROM alarm_log WHERE seq <= ? ORDER BY seq LIMIT ?",
    ),
    removeTransitions: db.prepare<[number], never>("DELETE FROM alarm_log WHERE seq <= ?"),
    forgetAlarms: db.prepare<[number], never>("DELETE FROM alarms WHERE open = 0 AND newest <= ?"),
    removeQuarantine: db.prepare<[string], never>("DELETE FROM quarantine WHERE at < ?"),
  };
}
