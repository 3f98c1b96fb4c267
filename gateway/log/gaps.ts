import type { Epoch } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gap, Gaps, LaneEntry } from "../ports/logs.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";

export type Lane = Gap["lane"];

/** Numbers from `from` to `to`, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

interface GapRow {
  readonly id: number;
  readonly from_seq: number;
  readonly to_seq: number;
}

interface Totals {
  readonly quarantined: number;
  readonly evicted: number;
}

/** The newest messages are kept for inspection; how many there were in all is counted beside them. */
const keptMessages = 1000;
const keptMessageChars = 64 * 1024;
const keptGaps = 10_000;

const gapColumns = `id, lane, epoch, from_seq AS "from", to_seq AS "to", reason, at`;

/** What a lane will never deliver, to be told to the city. */
export class SqliteGaps implements Gaps {
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #epoch: Epoch;
  readonly #sql;
  /** Gaps up to here were read by somebody and stay as they are; those after it may still grow. */
  #told: number;

  constructor(db: Database, commits: Commits, clock: Clock, epoch: Epoch) {
    this.#clock = clock;
    this.#commits = commits;
    this.#epoch = epoch;
    this.#sql = statements(db);
    this.#told = this.#sql.last.get()?.id ?? 0;
  }

  read(after: number, limit: number): readonly Gap[] {
    const gaps = this.#sql.read.all(after, limit);
    this.#told = Math.max(this.#told, gaps.at(-1)?.id ?? 0);
    return gaps;
  }

  quarantine(lane: Lane, entry: LaneEntry, reason: string): void {
    this.#commits.vital(() => {
      const data = entry.data.slice(0, keptMessageChars);
      const at = this.#now();
      if (this.#sql.setAside.run(lane, this.#epoch, entry.seq, entry.id, reason, at, data) === 0) return;
      this.#sql.count.run(lane, this.#epoch, 1, 0);
      this.declare(lane, this.#epoch, [{ from: entry.seq, to: entry.seq }], "poison");
      this.#sql.trimQuarantine.run(keptMessages);
    });
  }

  quarantined(lane: Lane): number {
    return this.#totals(lane).quarantined;
  }

  evicted(lane: Lane): number {
    return this.#totals(lane).evicted;
  }

  /** Of the messages after `seq`: how many were set aside, and how many were removed before they were delivered. */
  missingAfter(lane: Lane, seq: number): Totals {
    const count = (reason: Gap["reason"]): number =>
      this.#sql.missingAfter.get(seq, lane, this.#epoch, seq, reason)?.n ?? 0;
    return { quarantined: count("poison"), evicted: count("retention") };
  }

  /** The ranges after `seq` that were set aside. */
  setAsideAfter(lane: Lane, seq: number): readonly Range[] {
    return this.#sql.setAsideAfter.all(lane, this.#epoch, seq);
  }

  /** Inside a transaction: counts ranges that retention removed before they were delivered, and declares them. */
  evict(lane: Lane, ranges: readonly Range[]): void {
    const rows = ranges.reduce((sum, range) => sum + range.to - range.from + 1, 0);
    if (rows === 0) return;
    this.#sql.count.run(lane, this.#epoch, 0, rows);
    this.declare(lane, this.#epoch, ranges, "retention");
  }

  /** Inside a transaction. A range that continues one that nobody has read yet becomes one with it. */
  declare(lane: Lane, epoch: Epoch, ranges: readonly Range[], reason: Gap["reason"]): void {
    for (const range of ranges) {
      const before = this.#sql.endingAt.get(lane, epoch, range.from - 1, reason, this.#told);
      const after = this.#sql.beginningAfter.get(lane, epoch, range.to, reason, this.#told);
      const next = after?.from_seq === range.to + 1 ? after : undefined;
      const to = next?.to_seq ?? range.to;
      if (next !== undefined) this.#sql.remove.run(next.id);
      if (before !== undefined) this.#sql.extend.run(to, before.id);
      else this.#sql.insert.run(lane, epoch, range.from, to, reason, this.#now());
    }
  }

  /** Inside a transaction: forgets the oldest that were told and lie behind the lane's cursor. */
  prune(lane: Lane, cursor: number): void {
    this.#sql.prune.run(lane, this.#told - keptGaps, this.#epoch, cursor);
  }

  #totals(lane: Lane): Totals {
    return this.#sql.totals.get(lane, this.#epoch) ?? { quarantined: 0, evicted: 0 };
  }

  #now(): string {
    return new Date(this.#clock.wall()).toISOString();
  }
}

function statements(db: Database) {
  return {
    last: db.prepare<[], { id: number | null }>("SELECT max(id) AS id FROM gaps"),
    read: db.prepare<[number, number], Gap>(`SELECT ${gapColumns} FROM gaps WHERE id > ? ORDER BY id LIMIT ?`),
    insert: db.prepare<[string, string, number, number, string, string], never>(
      "INSERT INTO gaps (lane, epoch, from_seq, to_seq, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    extend: db.prepare<[number, number], never>("UPDATE gaps SET to_seq = ? WHERE id = ?"),
    remove: db.prepare<[number], never>("DELETE FROM gaps WHERE id = ?"),
    endingAt: db.prepare<[string, string, number, string, number], GapRow>(
      "SELECT id, from_seq, to_seq FROM gaps WHERE lane = ? AND epoch = ? AND to_seq = ? AND reason = ? AND id > ?",
    ),
    beginningAfter: db.prepare<[string, string, number, string, number], GapRow>(
      `SELECT id, from_seq, to_seq FROM gaps WHERE lane = ? AND epoch = ? AND to_seq > ? AND reason = ? AND id > ?
       ORDER BY to_seq LIMIT 1`,
    ),
    prune: db.prepare<[string, number, string, number], never>(
      "DELETE FROM gaps WHERE lane = ? AND id <= ? AND (epoch <> ? OR to_seq <= ?)",
    ),
    setAside: db.prepare<[string, string, number, string, string, string, string], never>(
      "INSERT OR IGNORE INTO quarantine (lane, epoch, seq, message, reason, at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    setAsideAfter: db.prepare<[string, string, number], Range>(
      `SELECT from_seq AS "from", to_seq AS "to" FROM gaps
       WHERE lane = ? AND epoch = ? AND to_seq > ? AND reason = 'poison'`,
    ),
    trimQuarantine: db.prepare<[number], never>(
      "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?",
    ),
    missingAfter: db.prepare<[number, string, string, number, string], { n: number | null }>(
      `SELECT sum(to_seq - max(from_seq - 1, ?)) AS n FROM gaps
       WHERE lane = ? AND epoch = ? AND to_seq > ? AND reason = ?`,
    ),
    totals: db.prepare<[string, string], Totals>(
      "SELECT quarantined, evicted FROM lane_totals WHERE lane = ? AND epoch = ?",
    ),
    count: db.prepare<[string, string, number, number], never>(
      `INSERT INTO lane_totals (lane, epoch, quarantined, evicted) VALUES (?, ?, ?, ?) ON CONFLICT (lane, epoch)
       DO UPDATE SET quarantined = quarantined + excluded.quarantined, evicted = evicted + excluded.evicted`,
    ),
  };
}
