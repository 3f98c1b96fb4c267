import { z } from "zod";
import type { LaneEntry, LaneSource } from "../ports/logs.ts";

/** Entries that may be remembered as sent ahead of their turn. */
const most = 1000;
const chunk = 64;
const opening = z.looseObject({ revision: z.literal(1) });

/**
 * Lets live alarms go ahead of a long backlog of old ones. Only alarms that were raised on this connection may: all
 * their steps are behind the backlog, so the order within an alarm is kept. The lane comes by later and passes over
 * what was delivered here. After a refusal, or with too much to remember, nothing more goes ahead.
 */
export class Overtaking {
  readonly #source: LaneSource;
  readonly #backlogEnd: number;
  readonly #subjects = new Set<string>();
  readonly #fates = new Map<number, "under-way" | "delivered">();
  #buffer: LaneEntry[] = [];
  #scanned: number;
  #more = true;
  #closed = false;

  /** `backlogEnd`: the last entry of the backlog. */
  constructor(source: LaneSource, backlogEnd: number) {
    this.#source = source;
    this.#backlogEnd = backlogEnd;
    this.#scanned = backlogEnd;
  }

  /** Something was appended. */
  appended(): void {
    this.#more = true;
  }

  /** The next entry that goes ahead. `position`: how far the lane itself has come. Throws what the source throws. */
  take(position: number): LaneEntry | undefined {
    // The backlog is through: the lane itself is live.
    if (position >= this.#backlogEnd) this.#closed = true;
    while (!this.#closed && (this.#buffer.length > 0 || this.#fill())) {
      const entry = this.#buffer.shift();
      if (entry === undefined || !(this.#subjects.has(entry.subject) || isOpening(entry))) continue;
      this.#closed = this.#fates.size >= most;
      if (this.#closed) return undefined;
      this.#subjects.add(entry.subject);
      this.#fates.set(entry.seq, "under-way");
      return entry;
    }
    return undefined;
  }

  settled(seq: number, delivered: boolean): void {
    if (delivered) {
      this.#fates.set(seq, "delivered");
    } else {
      this.#fates.delete(seq);
      this.#closed = true;
    }
  }

  fate(seq: number): "under-way" | "delivered" | undefined {
    return this.#fates.get(seq);
  }

  /** The lane has passed it. */
  forget(seq: number): void {
    this.#fates.delete(seq);
  }

  #fill(): boolean {
    if (!this.#more) return false;
    this.#buffer = [...this.#source.read(this.#scanned, chunk)];
    this.#more = this.#buffer.length === chunk;
    this.#scanned = this.#buffer.at(-1)?.seq ?? this.#scanned;
    return this.#buffer.length > 0;
  }
}

/** The first step of an alarm's life: nothing of it can lie in the backlog. */
function isOpening(entry: LaneEntry): boolean {
  return opening.safeParse(JSON.parse(entry.data)).success;
}
