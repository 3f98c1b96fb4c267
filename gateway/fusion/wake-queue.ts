export interface Wake {
  readonly at: number;
  readonly rule: number;
  readonly key: string;
}

/**
 * Wishes to be woken, earliest first: a binary heap with lazy removal, one wish a (rule, key). Ties are broken by rule
 * and key and not by age, so that the order is the same after a restart. O(log n) a wish at any number of keys.
 */
export class WakeQueue {
  readonly #heap: Wake[] = [];
  readonly #current = new Map<string, Wake>();

  set(rule: number, key: string, at: number | undefined): void {
    const id = `${rule}\n${key}`;
    if (at === undefined) {
      this.#current.delete(id);
      return;
    }
    if (this.#current.get(id)?.at === at) return;
    const wake = { at, rule, key };
    this.#current.set(id, wake);
    this.#push(wake);
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#current.size) this.#compact();
  }

  /** The earliest deadline, or undefined. */
  next(): number | undefined {
    return this.#peek()?.at;
  }

  /** Takes out the earliest wish that is due at `at`. */
  take(at: number): Wake | undefined {
    const wake = this.#peek();
    if (wake === undefined || wake.at > at) return undefined;
    this.#pop();
    this.#current.delete(`${wake.rule}\n${wake.key}`);
    return wake;
  }

  get size(): number {
    return this.#current.size;
  }

  #peek(): Wake | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#current.get(`${top.rule}\n${top.key}`) === top) return top;
      this.#pop();
    }
  }

  #compact(): void {
    this.#heap.length = 0;
    for (const wake of this.#current.values()) this.#push(wake);
  }

  #push(wake: Wake): void {
    const heap = this.#heap;
    let i = heap.push(wake) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(wake, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = wake;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, least)) {
        child += 1;
        least = right;
      }
      if (!before(least, last)) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Wake, b: Wake): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.rule !== b.rule) return a.rule < b.rule;
  return a.key < b.key;
}
