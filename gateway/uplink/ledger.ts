import type { Clock } from "../ports/clock.ts";
import type { Cursors, Gaps, LaneSource, Ledger } from "../ports/logs.ts";
import type { LaneName, LaneReport } from "./contract.ts";
import type { Passage, Window } from "./window.ts";

/** Cursors of a lane by name. The first is what retention and backup ask for: all up to there is at the city. */
export function cursorNames(lane: LaneName) {
  const position = `uplink:${lane}`;
  return { position, delivered: `${position}:delivered`, holes: `${position}:holes`, epoch: `${position}:epoch` };
}

/** accepted = delivered + pending + quarantined + evicted */
export function addsUp(ledger: Ledger): boolean {
  return ledger.accepted === ledger.delivered + ledger.pending + ledger.quarantined + ledger.evicted;
}

/**
 * The books of one lane. Three numbers are kept apart and never derived from each other: how far the cursor is, how many
 * entries the broker took, how many numbers turned out to be holes. What is accepted comes from the log, what is
 * quarantined and evicted from the gaps; so a message that is skipped without a word shows as a sum that does not add up.
 */
export class LaneAccount {
  readonly #source: LaneSource;
  readonly #cursors: Cursors;
  readonly #gaps: Gaps;
  readonly #names: ReturnType<typeof cursorNames>;
  #cursor: number;
  #delivered: number;
  #holes: number;
  readonly #rate: { at: number; delivered: number; perSecond: number };

  constructor(source: LaneSource, cursors: Cursors, gaps: Gaps, clock: Clock) {
    this.#source = source;
    this.#cursors = cursors;
    this.#gaps = gaps;
    this.#names = cursorNames(source.lane);
    this.#cursor = cursors.get(this.#names.position);
    this.#delivered = cursors.get(this.#names.delivered);
    this.#holes = cursors.get(this.#names.holes);
    this.#openBooks();
    this.#rate = { at: clock.now(), delivered: this.#delivered, perSecond: 0 };
  }

  /** All up to here are settled. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The cursor moved. */
  passed(passage: Passage): void {
    this.#cursor = passage.cursor;
    this.#delivered += passage.delivered;
    this.#holes += passage.holes;
    this.#cursors.set(this.#names.position, this.#cursor);
    this.#cursors.set(this.#names.delivered, this.#delivered);
    this.#cursors.set(this.#names.holes, this.#holes);
  }

  /** `window`: what is under way, if anything. */
  ledger(window?: Window): Ledger {
    const accepted = this.#source.head();
    const quarantined = this.#gaps.quarantined(this.#source.lane);
    const evicted = this.#gaps.evicted(this.#source.lane);
    const evictedAhead = evicted - this.#holes;
    const pending = accepted - this.#cursor - evictedAhead - (window?.quarantinedAhead ?? 0);
    return { accepted, delivered: this.#delivered, pending, quarantined, evicted };
  }

  report(now: number, window: Window | undefined, blocked: string | undefined): LaneReport {
    const ledger = this.ledger(window);
    const oldest = ledger.pending > 0 ? this.#source.read(this.#cursor, 1)[0] : undefined;
    return {
      epoch: this.#source.epoch,
      head: ledger.accepted,
      cursor: this.#cursor,
      ledger,
      ratePerSecond: Math.round(this.#rate.perSecond * 10) / 10,
      ...(oldest === undefined ? {} : { oldestPendingMs: Math.max(0, Math.round(now - oldest.at)) }),
      ...(blocked === undefined ? {} : { blocked }),
    };
  }

  /** Measures the rate since the last call; call it every few seconds. */
  measure(now: number): void {
    const elapsed = now - this.#rate.at;
    if (elapsed <= 0) return;
    const perSecond = ((this.#delivered - this.#rate.delivered) * 1000) / elapsed;
    this.#rate.perSecond = (this.#rate.perSecond + perSecond) / 2;
    this.#rate.at = now;
    this.#rate.delivered = this.#delivered;
  }

  /**
   * A cursor belongs to one numbering. Where the log began anew the lane begins anew too: sending twice is harmless,
   * passing over is not. Where the books were never kept they are opened at the cursor.
   */
  #openBooks(): void {
    const mark = markOf(this.#source.epoch);
    const known = this.#cursors.get(this.#names.epoch);
    if ((known !== 0 && known !== mark) || this.#cursor > this.#source.head()) {
      this.#cursor = 0;
      this.#delivered = 0;
      this.#holes = 0;
    } else if (known === 0) {
      this.#holes = 0;
      this.#delivered = Math.max(0, this.#cursor - this.#gaps.quarantined(this.#source.lane));
    }
    this.#cursors.set(this.#names.epoch, mark);
    this.passed({ cursor: this.#cursor, delivered: 0, quarantined: 0, holes: 0 });
  }
}

/** A number for a numbering, 1 to 2³¹: FNV-1a. */
function markOf(epoch: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < epoch.length; i++) hash = Math.imul(hash ^ epoch.charCodeAt(i), 0x01000193) >>> 0;
  return (hash >>> 1) + 1;
}
