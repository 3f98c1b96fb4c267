import type { Exchange } from "../../gateway/ports/driver.ts";
import type { Request } from "./pdu.ts";

/** A request that waits for its turn. */
export interface Waiting {
  readonly request: Request;
  readonly timeoutMs: number;
  /** It bears alarms, or a person's order: it goes before what does not. */
  readonly urgent: boolean;
  done(exchange: Exchange): void;
}

interface Unit {
  readonly unit: number;
  /** Urgent ones first. */
  readonly waiting: Waiting[];
  /** Number of its last turn: who was served longest ago comes first. */
  lastTurn: number;
  /** How often in a row nothing, or too little, came back. */
  silences: number;
  /** Backed off until then, log time ms. */
  restUntil: number;
  answeredAt: number | undefined;
}

/** Requests that may wait for one unit. A session polls one after the other, so more are a mistake. */
const waitingBound = 16;
const firstRestMs = 1000;
const longestRestMs = 30_000;
/**
 * A time-out blocks the line for all. So once a unit was silent, the line is kept for those that answer: on a line that is
 * never idle for so many times as long as that cost before another silent unit gets a turn, so that one that comes back is
 * found all the same; and for a shorter while before any that never answered yet, on an idle line too.
 */
const busyPauses = 7;
const idlePauses = 2;
/** After so many urgent turns in a row one that is not urgent goes first, however many urgent ones wait. */
const urgentInARow = 3;

/**
 * Whose turn it is on a line: round robin among the units that answer, urgent requests first, and in the time that they
 * leave, among those that are silent, each of which rests for 1, 2, 4 … 30 s. Where all but one fall silent at once, that
 * one waits for a round of time-outs at most, and from then on for one.
 */
export class Turns {
  readonly #clearAt: (request: Request) => number;
  readonly #pauses: boolean;
  readonly #units = new Map<number, Unit>();
  #turn = 0;
  #urgent = 0;
  #turnAt = 0;
  /** The newest silence: when the line was free again, and for how long it had not been. */
  #silence = { at: Number.NEGATIVE_INFINITY, tookMs: 0 };
  /** The last turn met silence. */
  #afterSilence = false;

  /**
   * @param clearAt Log time ms from which this request may be sent, whoever's turn it is.
   * @param pauses False for a search, where most are silent and nobody else waits for the line.
   */
  constructor(clearAt: (request: Request) => number = () => Number.NEGATIVE_INFINITY, pauses = true) {
    this.#clearAt = clearAt;
    this.#pauses = pauses;
  }

  /** False when the bound is reached; then the request was not taken. */
  add(waiting: Waiting): boolean {
    const { waiting: queue } = this.#unit(waiting.request.unit);
    if (queue.length >= waitingBound) return false;
    const plain = queue.findIndex(({ urgent }) => !urgent);
    if (waiting.urgent && plain !== -1) queue.splice(plain, 0, waiting);
    else queue.push(waiting);
    return true;
  }

  /** Removes and returns the request whose turn it is; absent when nobody may be asked now. */
  take(now: number): Waiting | undefined {
    const ready = [...this.#units.values()].filter((unit) => this.#readyAt(unit) <= now);
    const unit = this.#next(ready, now);
    if (unit === undefined) return undefined;
    unit.lastTurn = ++this.#turn;
    this.#turnAt = now;
    this.#afterSilence = false;
    const taken = unit.waiting.shift();
    this.#urgent = taken?.urgent === true ? this.#urgent + 1 : 0;
    return taken;
  }

  /** Log time ms at which somebody may be asked; absent when nobody waits. */
  nextAt(): number | undefined {
    const doubtedFrom = this.#doubtedFrom();
    const next = Math.min(
      ...[...this.#units.values()].map((unit) => Math.max(this.#readyAt(unit), isSure(unit) ? 0 : doubtedFrom)),
    );
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /**
   * Tells how a turn ended.
   * @param afterSilenceMs For so long nobody can be asked when it ended in silence.
   */
  ended(request: Request, exchange: Exchange, now: number, afterSilenceMs = 0): void {
    const unit = this.#unit(request.unit);
    if (exchange.ok || exchange.why === "exception") unit.answeredAt = now;
    if (exchange.ok || exchange.why === "exception" || exchange.why === "bad-crc") unit.silences = 0;
    else if (exchange.why === "timeout" || exchange.why === "short") {
      unit.silences++;
      unit.restUntil = now + Math.min(longestRestMs, firstRestMs * 2 ** (unit.silences - 1));
      this.#afterSilence = true;
      const freeAt = now + afterSilenceMs;
      this.#silence = { at: freeAt, tookMs: freeAt - this.#turnAt };
    }
  }

  /** After the line was lost: hands back what waits, and forgets rests, since the units may have been replugged too. */
  clear(): readonly Waiting[] {
    const all: Waiting[] = [];
    for (const unit of this.#units.values()) {
      all.push(...unit.waiting.splice(0));
      unit.silences = 0;
      unit.restUntil = 0;
    }
    return all;
  }

  /** Units asked so far. */
  units(): readonly { readonly unit: number; readonly silences: number }[] {
    return [...this.#units.values()].map(({ unit, silences }) => ({ unit, silences }));
  }

  #next(ready: readonly Unit[], now: number): Unit | undefined {
    const sure = ready.filter(isSure);
    const doubted = now >= this.#doubtedFrom() ? ready.filter((unit) => !isSure(unit)) : [];
    const fewest = Math.min(...doubted.filter(isSilent).map(({ silences }) => silences));
    const silent = doubted.filter((unit) => isSilent(unit) && unit.silences === fewest);
    const silentFirst = now >= this.#silence.at + busyPauses * this.#silence.tookMs;
    if (silent.length > 0 && silentFirst) return this.#first(silent);
    const answering = [...sure, ...doubted.filter((unit) => !isSilent(unit))];
    if (answering.length === 0) return this.#first(silent);
    const urgent = answering.filter((unit) => unit.waiting[0]?.urgent === true);
    const plain = answering.filter((unit) => unit.waiting[0]?.urgent !== true);
    const plainFirst = urgent.length === 0 || (plain.length > 0 && this.#urgent >= urgentInARow);
    return this.#first(plainFirst ? plain : urgent);
  }

  /** Log time ms from which those may have a turn of which nobody knows whether they will answer. */
  #doubtedFrom(): number {
    const anySure = this.#pauses && [...this.#units.values()].some(isSure);
    return anySure ? this.#silence.at + idlePauses * this.#silence.tookMs : Number.NEGATIVE_INFINITY;
  }

  #first(units: readonly Unit[]): Unit | undefined {
    return units.reduce<Unit | undefined>(
      (best, each) => (best === undefined || this.#before(each, best) ? each : best),
      undefined,
    );
  }

  /** After a silence the unit that answered last goes first: it is the surest not to have fallen silent too. */
  #before(a: Unit, b: Unit): boolean {
    const [inA, inB] = [a.answeredAt ?? 0, b.answeredAt ?? 0];
    return this.#afterSilence && inA !== inB ? inA > inB : a.lastTurn < b.lastTurn;
  }

  #readyAt(unit: Unit): number {
    const head = unit.waiting[0];
    return head === undefined ? Number.POSITIVE_INFINITY : Math.max(unit.restUntil, this.#clearAt(head.request));
  }

  #unit(number: number): Unit {
    let unit = this.#units.get(number);
    if (unit === undefined) {
      unit = { unit: number, waiting: [], lastTurn: 0, silences: 0, restUntil: 0, answeredAt: undefined };
      this.#units.set(number, unit);
    }
    return unit;
  }
}

/** One answer that did not come is mostly a hiccup: who has answered before is asked once more before it counts as silent. */
function isSilent({ silences, answeredAt }: Unit): boolean {
  return silences > (answeredAt === undefined ? 0 : 1);
}

/** It has answered, and has not been silent since. */
function isSure({ silences, answeredAt }: Unit): boolean {
  return silences === 0 && answeredAt !== undefined;
}
