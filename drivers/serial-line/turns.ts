import type { Exchange } from "../../gateway/ports/driver.ts";
import type { ReadRequest } from "./rtu-frame.ts";
import type { Timing } from "./timing.ts";
import { Traces } from "./traces.ts";

/** A request that waits for its turn. */
export interface Waiting {
  readonly request: ReadRequest;
  readonly timeoutMs: number;
  done(exchange: Exchange): void;
}

interface Unit {
  readonly unit: number;
  readonly waiting: Waiting[];
  readonly traces: Traces;
  /** Line time used, ms; raised to that of the others after a pause, so that nobody saves it up. */
  used: number;
  /** Number of its last turn: breaks ties, and so makes it a round robin among equals. */
  lastTurn: number;
  /** How often in a row nothing, or too little, came back. */
  silences: number;
  /** Backed off until then, log time ms. */
  restUntil: number;
  answeredAt: number;
}

/** Requests that may wait for one unit. A session polls one after the other, so more are a mistake. */
const waitingBound = 16;
const firstRestMs = 1000;
const longestRestMs = 30_000;

/**
 * Whose turn it is on a line. Fair in line time, not in turns: a unit that costs more waits longer, so that many silent
 * units cannot crowd out one that answers. A silent unit rests for 1, 2, 4 … 30 s.
 */
export class Turns {
  readonly #timing: Timing;
  readonly #units = new Map<number, Unit>();
  #turn = 0;
  #floor = 0;
  #afterSilence = false;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** False when the bound is reached; then the request was not taken. */
  add(waiting: Waiting): boolean {
    const unit = this.#unit(waiting.request.unit);
    if (unit.waiting.length >= waitingBound) return false;
    if (unit.waiting.length === 0) unit.used = Math.max(unit.used, this.#floor);
    unit.waiting.push(waiting);
    return true;
  }

  /** Removes and returns the request whose turn it is; absent when nobody may be asked now. */
  take(now: number): Waiting | undefined {
    let best: Unit | undefined;
    for (const unit of this.#units.values())
      if (readyAt(unit) <= now && (best === undefined || this.#before(unit, best))) best = unit;
    const waiting = best?.waiting.shift();
    if (best === undefined || waiting === undefined) return undefined;
    this.#floor = Math.max(this.#floor, best.used);
    best.lastTurn = ++this.#turn;
    this.#afterSilence = false;
    return waiting;
  }

  /** Log time ms at which somebody may be asked; absent when nobody waits. */
  nextAt(): number | undefined {
    const next = Math.min(...[...this.#units.values()].map(readyAt));
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  traces(unit: number): Traces {
    return this.#unit(unit).traces;
  }

  /** Tells how a turn ended and how long it held the line. */
  ended(request: ReadRequest, exchange: Exchange, tookMs: number, now: number): void {
    const unit = this.#unit(request.unit);
    unit.used += tookMs;
    if (exchange.ok || exchange.why === "exception") unit.answeredAt = now;
    if (exchange.ok || exchange.why === "exception" || exchange.why === "bad-crc") unit.silences = 0;
    else if (exchange.why === "timeout" || exchange.why === "short") {
      unit.silences++;
      unit.restUntil = now + Math.min(longestRestMs, firstRestMs * 2 ** (unit.silences - 1));
      this.#afterSilence = true;
    }
  }

  stray(now: number): void {
    for (const unit of this.#units.values()) unit.traces.stray(now);
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

  /** After a silence the unit that answered last goes first: it is the surest not to be silent too. */
  #before(a: Unit, b: Unit): boolean {
    if (this.#afterSilence && a.answeredAt !== b.answeredAt) return a.answeredAt > b.answeredAt;
    return a.used === b.used ? a.lastTurn < b.lastTurn : a.used < b.used;
  }

  #unit(number: number): Unit {
    let unit = this.#units.get(number);
    if (unit === undefined) {
      unit = {
        unit: number,
        waiting: [],
        traces: new Traces(this.#timing),
        used: 0,
        lastTurn: 0,
        silences: 0,
        restUntil: 0,
        answeredAt: 0,
      };
      this.#units.set(number, unit);
    }
    return unit;
  }
}

function readyAt(unit: Unit): number {
  const head = unit.waiting[0];
  return head === undefined ? Number.POSITIVE_INFINITY : Math.max(unit.restUntil, unit.traces.clearAt(head.request));
}
