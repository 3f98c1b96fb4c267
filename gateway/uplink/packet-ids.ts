/**
 * Packet identifiers that are never given out twice at once. The library's own counter comes round after 65,535
 * messages: with one acknowledgement still missing by then, two messages would share an identifier and one of them would
 * never settle.
 */
export class PacketIds {
  readonly #used = new Uint8Array(65_536);
  #last = 0;

  /** 1 to 65,535; `null` where all are in use. */
  allocate(): number | null {
    for (let tries = 0; tries < 65_535; tries++) {
      this.#last = this.#last === 65_535 ? 1 : this.#last + 1;
      if (this.#used[this.#last] === 0) {
        this.#used[this.#last] = 1;
        return this.#last;
      }
    }
    return null;
  }

  getLastAllocated(): number | null {
    return this.#last === 0 ? null : this.#last;
  }

  register(id: number): boolean {
    if (this.#used[id] !== 0) return false;
    this.#used[id] = 1;
    return true;
  }

  deallocate(id: number): void {
    this.#used[id] = 0;
  }

  clear(): void {
    this.#used.fill(0);
  }
}
