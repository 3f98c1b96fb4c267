import type { Epoch } from "../domain/ids.ts";
import type { Database } from "./database.ts";
import { epochOf, renewEpoch } from "./epoch.ts";
import { headOf } from "./integrity.ts";
import { metaOf } from "./meta.ts";
import type { Damage } from "./open-database.ts";
import type { Testimony } from "./witness.ts";

export interface LostEndOptions {
  readonly db: Database;
  readonly testimony: Testimony | undefined;
  readonly eventCursorName: string;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Is the file at least as far as the witness says? Where it is not, its end was lost though the rest is sound; a new
 * epoch begins and what is missing is declared under the old one.
 */
export function findLostEnd(options: LostEndOptions): { epoch: Epoch; damage?: Damage } {
  const { db, testimony } = options;
  const known = metaOf(db).get("epoch");
  const epoch = epochOf(db);
  if (testimony === undefined) return { epoch };
  const heads = { observations: headOf(db, "observations"), transitions: headOf(db, "alarm_log") };
  const sameEpoch = testimony.epoch === known;
  const lost = {
    observations: Math.max(0, testimony.observations - (sameEpoch ? heads.observations : 0)),
    transitions: Math.max(0, testimony.transitions - (sameEpoch ? heads.transitions : 0)),
  };
  if (sameEpoch && lost.observations === 0 && lost.transitions === 0) return { epoch };
  if (known === undefined) {
    declare(options, testimony, { observations: 0, transitions: 0 });
    return { epoch, damage: { what: "the database is gone", salvaged: { observations: 0, transitions: 0 }, lost } };
  }
  const cursor = db.prepare<[string], { seq: number }>("SELECT seq FROM cursors WHERE name = ?");
  const fresh = renewEpoch(db, epoch, cursor.get(options.eventCursorName)?.seq ?? 0);
  if (sameEpoch) declare(options, testimony, heads);
  const what = sameEpoch ? "the newest rows of the log are missing" : "an older copy of the log was put in its place";
  return {
    epoch: fresh,
    damage: { what, salvaged: heads, lost: sameEpoch ? lost : { observations: 0, transitions: 0 } },
  };
}

function declare(
  { db, at }: LostEndOptions,
  testimony: Testimony,
  heads: { readonly observations: number; readonly transitions: number },
): void {
  const insert = db.prepare<[string, string, number, number, string], never>(
    "INSERT INTO gaps (lane, epoch, from_seq, to_seq, reason, at) VALUES (?, ?, ?, ?, 'damaged', ?)",
  );
  db.transaction(() => {
    const { epoch, observations, transitions } = testimony;
    if (observations > heads.observations) insert.run("events", epoch, heads.observations + 1, observations, at);
    if (transitions > heads.transitions) insert.run("alarms", epoch, heads.transitions + 1, transitions, at);
  });
}
