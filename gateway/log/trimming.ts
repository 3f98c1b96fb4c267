import type { Cursors } from "../ports/logs.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";
import type { Range, SqliteGaps } from "./gaps.ts";
import type { ChainAnchor } from "./hash-chain.ts";

export interface TrimmingOptions {
  readonly db: Database;
  readonly commits: Commits;
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

/** `more` may be true without a row removed: the walk past what is spared takes several steps too. */
export interface Trimmed {
  readonly rows: number;
  readonly more: boolean;
}

/** Small enough that one step blocks the event loop some tens of milliseconds at most. */
const rowsPerStep = 1000;
const windowsPerStep = 20;
/** An alarm that nobody acknowledges is told again and again: the pushes themselves are bounded too. */
const pushesKept = 100_000;

/**
 * What goes, oldest first, a step at a time; each method is one transaction.
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
  delivered(): Trimmed {
    return this.#plainThenAll(Math.min(this.#fused(), this.#cursor()));
  }

  /** What the city does not have yet, in the same order; every number that is lost so is declared as a gap. */
  undelivered(): Trimmed {
    return this.#plainThenAll(this.#fused());
  }

  /**
   * What the city has and is too old: observations and messages in quarantine from before `observations`, alarm log rows
   * from before `alarms` up to the first alarm that is still open, and pushes of that age that are over, also those beyond
   * the most that are kept. Log time, ms. With them go the states of the clock that no row refers to any more.
   */
  aged(before: { readonly observations: number; readonly alarms: number }): Trimmed {
    const rows = this.#o.commits.vital(
      () =>
        this.#agedObservations(before.observations) +
        this.#agedAlarms(before.alarms) +
        this.#sql.removePushes.run(before.alarms, pushesKept, rowsPerStep) +
        this.#sql.removeQuarantine.run(new Date(before.observations).toISOString()) +
        this.#sql.removeSpans.run(),
    );
    return { rows, more: rows > 0 };
  }

  #agedObservations(before: number): number {
    const end = Math.min(this.#fused(), this.#cursor());
    return this.#remove(this.#sql.window.all(0, end, rowsPerStep).filter((row) => row.at < before));
  }

  #agedAlarms(before: number): number {
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

  #cursor(): number {
    return this.#o.cursors.get(this.#o.eventCursorName);
  }

  /** As saved, not as reached: a crash reads again from there. */
  #fused(): number {
    const newest = this.#sql.newest.get()?.seq ?? 0;
    return Math.min(this.#sql.fused.get()?.cursor ?? 0, newest - 1);
  }

  #plainThenAll(end: number): Trimmed {
    const done = this.#o.commits.vital(() => {
      const walk = this.#walk(end);
      const rows = walk.rows.length > 0 || !walk.finished ? walk.rows : this.#sql.window.all(0, end, rowsPerStep);
      return { ...walk, removed: this.#remove(rows) };
    });
    this.#walked = done.walked;
    return { rows: done.removed, more: done.removed > 0 || !done.finished };
  }

  /** The next rows up to `end` that are not related to fire; finished where there are none any more. */
  #walk(end: number): { rows: readonly Row[]; walked: number; finished: boolean } {
    let walked = this.#walked;
    for (let windows = 0; windows < windowsPerStep; windows += 1) {
      const window = this.#sql.window.all(walked, end, rowsPerStep);
      if (window.length === 0) return { rows: [], walked, finished: true };
      walked = window.at(-1)?.seq ?? walked;
      const rows = window.filter((row) => row.fire === 0);
      if (rows.length > 0) return { rows, walked, finished: false };
    }
    return { rows: [], walked, finished: false };
  }

  #remove(rows: readonly Row[]): number {
    if (rows.length === 0) return 0;
    for (const row of rows) this.#sql.remove.run(row.seq);
    const cursor = this.#cursor();
    const { gaps } = this.#o;
    const setAside = gaps.setAsideAfter("events", cursor);
    const told = (seq: number): boolean => setAside.some((range) => range.from <= seq && seq <= range.to);
    gaps.evict("events", rangesOf(rows.filter((row) => row.seq > cursor && !told(row.seq))));
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
    removeSpans: db.prepare<[], never>(
      `DELETE FROM clock_spans WHERE span < min(
         (SELECT span FROM observations ORDER BY seq LIMIT 1), (SELECT span FROM alarm_log ORDER BY seq LIMIT 1))`,
    ),
    removePushes: db.prepare<[number, number, number], never>(
      `DELETE FROM pushes WHERE seq IN (
         SELECT seq FROM pushes WHERE outcome IS NOT NULL AND (at < ? OR seq <= (SELECT max(seq) FROM pushes) - ?)
         ORDER BY seq LIMIT ?)`,
    ),
    removeQuarantine: db.prepare<[string], never>("DELETE FROM quarantine WHERE at < ?"),
  };
}
