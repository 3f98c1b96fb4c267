import { type Range, RangeSet } from "./ranges.ts";

/** Where a message stands: its lane of one gateway, in one numbering. */
export interface Place {
  /** `{siteId}/{gatewayId}` */
  readonly gateway: string;
  readonly lane: string;
  readonly epoch: string;
}

export interface LaneMessage extends Place {
  readonly sequence: number;
  readonly id: string;
  readonly subject: string;
  readonly timeMs: number;
}

/**
 * `new`: taken. `duplicate`: came before, word for word as far as its place tells. `conflict`: its id was at another
 * place, or its place had another id: the promise of one id a message is broken.
 */
export type Fate = "new" | "duplicate" | "conflict";

/** A message that came after one that should have come later. */
export interface Disorder extends Place {
  readonly subject: string;
  readonly sequence: number;
  /** What of the subject had come already. */
  readonly after: number;
  /** `sequence`: the numbers ran backwards. `time`: the times did. */
  readonly of: "sequence" | "time";
}

export type PlacedRange = Place & Range;

interface Lane {
  readonly place: Place;
  readonly seen: RangeSet;
  readonly declared: RangeSet;
  /** Ranges that were asked for again: they come out of order, rightly. */
  readonly asked: RangeSet;
  readonly newest: Map<string, { sequence: number; timeMs: number }>;
  head: number;
}

export interface CheckerOptions {
  /** Numbers are due from 1, or only from the first that is heard. */
  readonly dueFrom?: "beginning" | "first-heard" | undefined;
  /** Ids kept to know duplicates by. */
  readonly rememberIds?: number;
}

const kept = 1000;

/** Holds what the gateways say against what they promise. Pure: it is told everything. */
export class CityChecker {
  readonly #lanes = new Map<string, Lane>();
  readonly #ids = new Map<string, string>();
  readonly #options: CheckerOptions;
  readonly disorder: Disorder[] = [];
  readonly conflicts: LaneMessage[] = [];
  readonly counters = { received: 0, distinct: 0, duplicates: 0, conflicts: 0, disorder: 0 };

  constructor(options: CheckerOptions = {}) {
    this.#options = options;
  }

  accept(message: LaneMessage): Fate {
    this.counters.received += 1;
    const lane = this.#lane(message);
    const place = `${laneKey(message)} ${message.sequence}`;
    const known = this.#ids.get(message.id);
    if (known !== undefined || lane.seen.has(message.sequence)) {
      if (known === place) {
        this.counters.duplicates += 1;
        return "duplicate";
      }
      this.counters.conflicts += 1;
      if (this.conflicts.length < kept) this.conflicts.push(message);
      return "conflict";
    }
    this.#ids.set(message.id, place);
    this.#forgetOldIds();
    this.counters.distinct += 1;
    this.#checkOrder(lane, message);
    lane.seen.add(message.sequence);
    return "new";
  }

  /** A gap that the gateway declared. */
  declare(gap: PlacedRange): void {
    this.#lane(gap).declared.add(gap.from, gap.to);
  }

  /** A birth said how far the lane is: what is not heard up to there is missing. */
  expectHead(place: Place, head: number): void {
    const lane = this.#lane(place);
    lane.head = Math.max(lane.head, head);
  }

  /** A replay of this range was asked for. */
  expectReplay(range: PlacedRange): void {
    this.#lane(range).asked.add(range.from, range.to);
  }

  /** Numbers that are due, were not heard and were not declared as a gap. */
  missing(): PlacedRange[] {
    return [...this.#lanes.values()].flatMap((lane) => {
      const first = this.#options.dueFrom === "first-heard" ? (lane.seen.lowest ?? lane.head + 1) : 1;
      const last = Math.max(lane.head, lane.seen.highest ?? 0, lane.declared.highest ?? 0);
      return lane.seen.holes(first, last, lane.declared).map((hole) => ({ ...lane.place, ...hole }));
    });
  }

  lanes(): readonly (Place & { readonly distinct: number; readonly highest: number })[] {
    return [...this.#lanes.values()].map(({ place, seen }) => ({
      ...place,
      distinct: seen.size,
      highest: seen.highest ?? 0,
    }));
  }

  /**
   * Within a subject the numbers must rise, and in the alarm lane the times too. (A device may report an old event late,
   * so the times of observations may run backwards.)
   */
  #checkOrder(lane: Lane, message: LaneMessage): void {
    if (lane.asked.has(message.sequence)) return;
    const newest = lane.newest.get(message.subject);
    if (newest !== undefined && message.sequence < newest.sequence) {
      this.#outOfOrder(message, newest.sequence, "sequence");
      return;
    }
    if (newest !== undefined && message.lane === "alarms" && message.timeMs < newest.timeMs) {
      this.#outOfOrder(message, newest.sequence, "time");
    }
    lane.newest.set(message.subject, message);
  }

  #outOfOrder({ gateway, lane, epoch, subject, sequence }: LaneMessage, after: number, of: "sequence" | "time"): void {
    this.counters.disorder += 1;
    if (this.disorder.length < kept) this.disorder.push({ gateway, lane, epoch, subject, sequence, after, of });
  }

  #lane({ gateway, lane, epoch }: Place): Lane {
    const key = laneKey({ gateway, lane, epoch });
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const made: Lane = {
      place: { gateway, lane, epoch },
      seen: new RangeSet(),
      declared: new RangeSet(),
      asked: new RangeSet(),
      newest: new Map(),
      head: 0,
    };
    this.#lanes.set(key, made);
    return made;
  }

  #forgetOldIds(): void {
    if (this.#ids.size <= (this.#options.rememberIds ?? 2_000_000)) return;
    const [oldest] = this.#ids.keys();
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}

function laneKey({ gateway, lane, epoch }: Place): string {
  return `${gateway} ${lane} ${epoch}`;
}
