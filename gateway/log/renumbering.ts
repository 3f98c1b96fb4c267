/** New numbers from 1, without a hole, for rows that are left of an old numbering, and what an old cursor becomes. */
export class Renumbering {
  /** Stretches of old numbers without a hole; the new number of a row is its old one less `shift`. */
  readonly #runs: { readonly from: number; to: number; readonly shift: number }[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The new number of the next row; old numbers come in ascending order. */
  add(old: number): number {
    this.#count += 1;
    const last = this.#runs.at(-1);
    if (last !== undefined && last.to === old - 1) last.to = old;
    else this.#runs.push({ from: old, to: old, shift: old - this.#count });
    return this.#count;
  }

  /** How many of the rows that are left had a number up to `old`. */
  upTo(old: number): number {
    const run = this.#runs.findLast((candidate) => candidate.from <= old);
    return run === undefined ? 0 : Math.min(old, run.to) - run.shift;
  }
}
