import type { Clock } from "../ports/clock.ts";
import { RecentMap } from "./recent-map.ts";

/** Lets the first event of a key through, then at most one a minute with how many there were since. */
export class SparseLog {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #keys = new RecentMap<string, { at: number; held: number }>(1024);

  constructor(clock: Clock, everyMs = 60_000) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Calls `write` with the number of events it stands for, this one included, or not at all. */
  note(key: string, write: (count: number) => void): void {
    const now = this.#clock.now();
    const known = this.#keys.get(key);
    if (known !== undefined && now - known.at < this.#everyMs) {
      known.held += 1;
      return;
    }
    this.#keys.put(key, { at: now, held: 0 });
    write((known?.held ?? 0) + 1);
  }
}
