/** What became of an entry. A `hole` was removed by retention while it was under way. */
export type Settlement = "delivered" | "quarantined" | "hole";

/** One entry under way. */
export interface Ticket {
  readonly seq: number;
  readonly settlement?: Settlement;
}

/** What the cursor passed on its last move. `holes`: numbers for which there was no entry. */
export interface Passage {
  readonly cursor: number;
  readonly delivered: number;
  readonly quarantined: number;
  readonly holes: number;
}

interface OpenTicket extends Ticket {
  settlement?: Settlement;
}

/**
 * Which entries are under way, and how far all are settled without a gap. Entries are opened in ascending order and
 * settled in any; the cursor stands before the oldest that is not settled. Invariant: every number up to the cursor was
 * delivered, quarantined, or never there.
 */
export class Window {
  #cursor: number;
  #newest: number;
  #tickets: OpenTicket[] = [];
  #first = 0;
  #unsettled = 0;

  constructor(cursor: number) {
    this.#cursor = cursor;
    this.#newest = cursor;
  }

  /** All up to here are settled. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The newest number that was opened. */
  get newest(): number {
    return this.#newest;
  }

  /** Entries that are not settled. */
  get inFlight(): number {
    return this.#unsettled;
  }

  /** Entries between the cursor and the newest: what has to be remembered. */
  get span(): number {
    return this.#tickets.length - this.#first;
  }

  /** The entry that holds the cursor back. */
  get oldest(): Ticket | undefined {
    return this.#tickets[this.#first];
  }

  /** Takes an entry on its way. Throws RangeError where `seq` is not above all before it. */
  open(seq: number): Ticket {
    if (seq <= this.#newest) throw new RangeError(`entry ${seq} after ${this.#newest}`);
    const ticket: OpenTicket = { seq };
    this.#newest = seq;
    this.#tickets.push(ticket);
    this.#unsettled += 1;
    return ticket;
  }

  /** Settles an entry; the passage, when it moved the cursor. A second settlement of the same entry counts for nothing. */
  settle(ticket: Ticket, settlement: Settlement): Passage | undefined {
    const open: OpenTicket = ticket;
    if (open.settlement !== undefined) return undefined;
    open.settlement = settlement;
    this.#unsettled -= 1;
    if (this.#tickets[this.#first] !== open) return undefined;
    return this.#pass();
  }

  #pass(): Passage {
    const passed = { delivered: 0, quarantined: 0, holes: 0 };
    for (let head = this.#tickets[this.#first]; head?.settlement !== undefined; head = this.#tickets[this.#first]) {
      passed.holes += head.seq - this.#cursor - 1 + (head.settlement === "hole" ? 1 : 0);
      if (head.settlement === "delivered") passed.delivered += 1;
      if (head.settlement === "quarantined") passed.quarantined += 1;
      this.#cursor = head.seq;
      this.#first += 1;
    }
    if (this.#first === this.#tickets.length || this.#first >= 1024) {
      this.#tickets = this.#tickets.slice(this.#first);
      this.#first = 0;
    }
    return { cursor: this.#cursor, ...passed };
  }
}
