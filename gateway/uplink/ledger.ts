import type { Clock } from "../ports/clock.ts";
import type { Cursors, LaneSource, Ledger } from "../ports/logs.ts";
import type { LaneName, LaneReport } from "./contract.ts";
import type { Passage } from "./window.ts";

/** Name of a lane's cursor: retention trims behind it, a restart goes on from it. */
export const laneCursors: Readonly<Record<LaneName, string>> = { alarms: "uplink:alarms", events: "uplink:events" };

/** accepted = delivered + pending + quarantined + evicted */
export function addsUp(ledger: Ledger): boolean {
  return ledger.accepted === ledger.delivered + ledger.pending + ledger.quarantined + ledger.evicted;
}

/** The books of one lane: where its cursor stands, and what became of everything that was accepted. */
export class LaneAccount {
  readonly #source: LaneSource;
  readonly #cursors: Cursors;
  readonly #ledger: () => Ledger;
  #cursor: number;
  #delivered = 0;
  readonly #rate: { at: number; delivered: number; perSecond: number };

  /** `ledger`: as the log keeps it for this lane and its cursor. */
  constructor(source: LaneSource, cursors: Cursors, ledger: () => Ledger, clock: Clock) {
    this.#source = source;
    this.#cursors = cursors;
    this.#ledger = ledger;
    this.#cursor = cursors.get(laneCursors[source.lane]);
    // A cursor beyond the log is of another numbering: sending twice is harmless, passing over is not.
    if (this.#cursor > source.head()) this.#move(0);
    this.#rate = { at: clock.now(), delivered: 0, perSecond: 0 };
  }

  /** All up to here are settled. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Delivered since the start of the program. */
  get delivered(): number {
    return this.#delivered;
  }

  /** The cursor moved. */
  passed(passage: Passage): void {
    this.#delivered += passage.delivered;
    this.#move(passage.cursor);
  }

  report(now: number, blocked: string | undefined): LaneReport {
    const ledger = this.#ledger();
    const oldest = ledger.pending > 0 ? this.#source.read(this.#cursor, 1)[0] : undefined;
    return {
      epoch: this.#source.epoch,
      head: this.#source.head(),
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

  #move(cursor: number): void {
    this.#cursor = cursor;
    this.#cursors.set(laneCursors[this.#source.lane], cursor);
  }
}
