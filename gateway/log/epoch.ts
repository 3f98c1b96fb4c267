import { randomUUID } from "node:crypto";
import { type Epoch, epochSchema } from "../domain/ids.ts";
import type { Database } from "./database.ts";
import { genesis } from "./hash-chain.ts";
import { metaOf } from "./meta.ts";

/** A name that no other numbering has. */
export function newEpoch(): Epoch {
  return epochSchema.parse(randomUUID());
}

/** The epoch of a file; a new file gets one, and with it the start of its hash chain. */
export function epochOf(db: Database): Epoch {
  const meta = metaOf(db);
  const known = meta.get("epoch");
  if (known !== undefined) return epochSchema.parse(known);
  const epoch = newEpoch();
  db.transaction(() => meta.set("epoch", epoch));
  return epoch;
}

/**
 * Begins a new epoch under the same rows and numbers: numbers beyond the head were given before and must not mean
 * something else under the old name. What was set aside or removed ahead of the cursors stays so.
 */
export function renewEpoch(db: Database, old: Epoch, eventCursor: number): Epoch {
  const epoch = newEpoch();
  const anchor = genesis(old);
  const meta = metaOf(db);
  db.transaction(() => {
    if (meta.get("chain-anchor-hash") === undefined) {
      meta.set("chain-anchor-seq", String(anchor.seq));
      meta.set("chain-anchor-hash", anchor.hash);
    }
    meta.set("epoch", epoch);
    for (const sql of carriedOver) db.prepare<[string, string], never>(sql).run(epoch, old);
    db.prepare<[string, string, number], never>(gapsAhead).run(epoch, old, eventCursor);
  });
  return epoch;
}

const carriedOver = [
  `INSERT INTO lane_totals (lane, epoch, quarantined, evicted)
   SELECT lane, ?, quarantined, evicted FROM lane_totals WHERE epoch = ?`,
  "UPDATE quarantine SET epoch = ? WHERE epoch = ?",
];
const gapsAhead = `
  INSERT INTO gaps (lane, epoch, from_seq, to_seq, reason, at)
  SELECT lane, ?, from_seq, to_seq, reason, at FROM gaps
  WHERE epoch = ? AND lane = 'events' AND reason <> 'damaged' AND to_seq > ?`;
