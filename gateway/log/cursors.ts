import type { Cursors } from "../ports/logs.ts";
import type { Commits, Rider } from "./commits.ts";
import type { Database } from "./database.ts";

/** Cursors in memory, riding on the commits: a lane that settles a thousand messages a second writes nothing of its own. */
export class SqliteCursors implements Cursors, Rider {
  readonly #positions: Map<string, number>;
  readonly #changed = new Set<string>();
  readonly #commits: Commits;
  readonly #write;

  constructor(db: Database, commits: Commits) {
    const rows = db.prepare<[], { name: string; seq: number }>("SELECT name, seq FROM cursors").all();
    this.#positions = new Map(rows.map((row) => [row.name, row.seq]));
    this.#commits = commits;
    this.#write = db.prepare<[string, number], never>(
      "INSERT INTO cursors (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
    );
    commits.ride(this);
  }

  get(name: string): number {
    return this.#positions.get(name) ?? 0;
  }

  set(name: string, seq: number): void {
    if (this.#positions.get(name) === seq) return;
    this.#positions.set(name, seq);
    this.#changed.add(name);
    this.#commits.rideSoon();
  }

  dirty(): boolean {
    return this.#changed.size > 0;
  }

  write(): void {
    for (const name of this.#changed) this.#write.run(name, this.get(name));
  }

  written(): void {
    this.#changed.clear();
  }
}
