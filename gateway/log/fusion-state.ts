import type { FusionCheckpoint } from "../ports/logs.ts";
import type { Database } from "./database.ts";

export interface SavedFusion {
  cursor: number;
  at: number;
  states: { rule: string; key: string; state: unknown }[];
}

/** The state of the rules in its tables. `save` runs inside the transaction that writes what came out of them. */
export class FusionState {
  readonly #place;
  readonly #move;
  readonly #put;
  readonly #drop;
  readonly #states;

  constructor(db: Database) {
    this.#place = db.prepare<[], { cursor: number; at: number }>("SELECT cursor, at FROM fusion");
    this.#move = db.prepare<[number, number], never>(
      "INSERT INTO fusion (one, cursor, at) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET cursor = excluded.cursor, at = excluded.at",
    );
    this.#put = db.prepare<[string, string, string], never>(
      "INSERT INTO rule_state (rule, key, state) VALUES (?, ?, ?) ON CONFLICT (rule, key) DO UPDATE SET state = excluded.state",
    );
    this.#drop = db.prepare<[string, string], never>("DELETE FROM rule_state WHERE rule = ? AND key = ?");
    this.#states = db.prepare<[], { rule: string; key: string; state: string }>(
      "SELECT rule, key, state FROM rule_state",
    );
  }

  save(checkpoint: FusionCheckpoint): void {
    this.#move.run(checkpoint.cursor, checkpoint.at);
    for (const { rule, key, state } of checkpoint.states) {
      if (state === undefined) this.#drop.run(rule, key);
      else this.#put.run(rule, key, JSON.stringify(state));
    }
  }

  /** All observations up to here are in the state that is durable; 0 where none was saved. */
  cursor(): number {
    return this.#place.get()?.cursor ?? 0;
  }

  load(): SavedFusion | undefined {
    const place = this.#place.get();
    if (place === undefined) return undefined;
    return { ...place, states: this.#states.all().map((row) => ({ ...row, state: JSON.parse(row.state) })) };
  }
}
