import { createHash } from "node:crypto";
import type { Database } from "./database.ts";

/** A row of the alarm log as the chain sees it: exactly the text that is stored. */
export interface ChainedRow {
  readonly seq: number;
  readonly at: number;
  readonly cursor: number;
  readonly transition: string;
  readonly alarm: string;
}

export type ChainVerdict =
  | { readonly ok: true; readonly rows: number; readonly head: string }
  /** `seq` is the first row that does not follow from the one before it. */
  | { readonly ok: false; readonly seq: number; readonly why: "missing" | "changed" };

/** Where a chain begins: before its first row, or before the first that retention left. */
export interface ChainAnchor {
  readonly seq: number;
  readonly hash: string;
}

/** SHA-256 over the hash before it and the row's values as a JSON array, lower-case hex. */
export function link(previous: string, row: ChainedRow): string {
  const canonical = JSON.stringify([row.seq, row.at, row.cursor, row.transition, row.alarm]);
  return createHash("sha256").update(previous).update(canonical).digest("hex");
}

/** The start of a new chain: an unlike one for each epoch, so that no old chain can be passed off as it. */
export function genesis(epoch: string): ChainAnchor {
  return { seq: 0, hash: createHash("sha256").update(`zhian alarm log ${epoch}`).digest("hex") };
}

const rowsPerRead = 500;

/** Walks the chain from its anchor, in small reads. Whoever cut its end off is found by the head that the city was told. */
export function verifyChain(db: Database, anchor: ChainAnchor): ChainVerdict {
  const read = db.prepare<[number, number], ChainedRow & { readonly hash: string }>(
    "SELECT seq, at, cursor, transition, alarm, hash FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  let { seq, hash } = anchor;
  for (let rows = read.all(seq, rowsPerRead); rows.length > 0; rows = read.all(seq, rowsPerRead)) {
    for (const row of rows) {
      if (row.seq !== seq + 1) return { ok: false, seq: seq + 1, why: "missing" };
      if (link(hash, row) !== row.hash) return { ok: false, seq: row.seq, why: "changed" };
      ({ seq, hash } = row);
    }
  }
  return { ok: true, rows: seq - anchor.seq, head: hash };
}
