/** A range of sequence numbers, both ends included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A set of whole numbers, cheap where they come in runs. */
export class RangeSet {
  #ranges: { from: number; to: number }[] = [];

  has(value: number): boolean {
    const range = this.#ranges[this.#firstEndingAt(value)];
    return range !== undefined && range.from <= value;
  }

  add(from: number, to = from): void {
    const start = this.#firstEndingAt(from - 1);
    let end = start;
    const merged = { from, to };
    for (;;) {
      const range = this.#ranges[end];
      if (range === undefined || range.from > to + 1) break;
      merged.from = Math.min(merged.from, range.from);
      merged.to = Math.max(merged.to, range.to);
      end += 1;
    }
    this.#ranges.splice(start, end - start, merged);
  }

  get highest(): number | undefined {
    return this.#ranges.at(-1)?.to;
  }

  get lowest(): number | undefined {
    return this.#ranges[0]?.from;
  }

  get size(): number {
    return this.#ranges.reduce((total, { from, to }) => total + to - from + 1, 0);
  }

  /** What of `from`…`to` is neither here nor in `other`. */
  holes(from: number, to: number, other: RangeSet): Range[] {
    const holes: Range[] = [];
    const both = [...this.#ranges, ...other.#ranges].sort((a, b) => a.from - b.from);
    let next = from;
    for (const range of [...both, { from: to + 1, to: to + 1 }]) {
      const hole = { from: next, to: Math.min(range.from - 1, to) };
      if (hole.from <= hole.to) holes.push(hole);
      next = Math.max(next, range.to + 1);
      if (next > to) break;
    }
    return holes;
  }

  /** Index of the first range whose end is not before `value`. */
  #firstEndingAt(value: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.to ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
