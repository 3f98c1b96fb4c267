import type { Database } from "./database.ts";
import { metaOf } from "./meta.ts";

/** Device and the key of its record; no id of a device holds a line break. */
export function recordKey(deviceId: string, dedupKey: string): string {
  return `${deviceId}\n${dedupKey}`;
}

/** So many commits' worth of keys wait in memory that filing them touches each page of the index once for many rows. */
const filedFrom = 4096;
const file = `
  INSERT OR IGNORE INTO records (device, dedup, seq) SELECT device, dedup, seq FROM observations
  WHERE seq > ? AND seq <= ? AND dedup IS NOT NULL ORDER BY device, dedup`;

/**
 * Which records of which device are in the log. The newest keys are kept in memory and filed in the table of records some
 * thousand at a time: in a table ordered by device every commit would otherwise write a page for each device that it
 * concerns, which measured four times the bytes. A start reads the keys that were not filed from their rows.
 */
export class RecordIndex {
  readonly #find;
  readonly #file;
  readonly #unfiled;
  readonly #meta;
  #recent: Map<string, number>;
  #filedUpTo: number;

  constructor(db: Database) {
    this.#meta = metaOf(db);
    this.#find = db.prepare<[string, string], { seq: number }>(
      "SELECT seq FROM records WHERE device = ? AND dedup = ?",
    );
    this.#file = db.prepare<[number, number], never>(file);
    this.#unfiled = db.prepare<[number], { device: string; dedup: string; seq: number }>(
      "SELECT device, dedup, seq FROM observations WHERE seq > ? AND dedup IS NOT NULL",
    );
    this.#filedUpTo = Number(this.#meta.get("records-filed") ?? 0);
    const rows = this.#unfiled.all(this.#filedUpTo);
    this.#recent = new Map(rows.map((row) => [recordKey(row.device, row.dedup), row.seq]));
  }

  /** The number under which a record was stored; `undefined` where it was not, or retention forgot it. */
  find(record: string, deviceId: string, dedupKey: string): number | undefined {
    return this.#recent.get(record) ?? this.#find.get(deviceId, dedupKey)?.seq;
  }

  /** Inside a transaction: files the keys of all rows up to `head` if it is time. True when it did. */
  fileWhenDue(head: number): boolean {
    if (this.#recent.size < filedFrom) return false;
    this.#file.run(this.#filedUpTo, head);
    this.#meta.set("records-filed", String(head));
    return true;
  }

  /** The transaction is durable; `filedUpTo` where it filed. */
  committed(fresh: ReadonlyMap<string, number>, filedUpTo: number | undefined): void {
    if (filedUpTo !== undefined) {
      this.#filedUpTo = filedUpTo;
      this.#recent = new Map();
    }
    for (const [key, seq] of fresh) this.#recent.set(key, seq);
  }
}

/** Files the keys of all rows of a log that was copied. */
export function fileRecords(db: Database, head: number): void {
  const rowsPerCommit = 20_000;
  const insert = db.prepare<[number, number], never>(file);
  for (let seq = 0; seq < head; seq += rowsPerCommit) db.transaction(() => insert.run(seq, seq + rowsPerCommit));
  db.transaction(() => metaOf(db).set("records-filed", String(head)));
}
