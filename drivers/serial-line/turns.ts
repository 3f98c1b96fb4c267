import type { Exchange } from "../../gateway/ports/driver.ts";
import type { Request } from "../modbus/pdu.ts";
import type { Timing } from "./timing.ts";
import { Traces } from "./traces.ts";

/** A request that waits for its turn. */
export interface Waiting {
  readonly request: Request;
  readonly timeoutMs: number;
  done(exchange: Exchange): void;
}

interface Unit {
  readonly unit: number;
  readonly waiting: Waiting[];
  readonly traces: Traces;
  /** Number of its last turn: who was served longest ago comes first. */
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
/** On a line that is never idle the silent units get a turn so often, so that one that comes back is found. */
const silentTurnEveryMs = 5000;

/**
 * Whose turn it is on a line: round robin among the units that answer, and in the time that they leave, among those that
 * are silent. A silent unit costs a time-out and a quarantine each time; so it rests for 1, 2, 4 … 30 s. Where all but one
 * fall silent at once, that one waits for a round of time-outs at most, and from then on for one.
 */
export class Turns {
  readonly #timing: Timing;
  readonly #units = new Map<number, Unit>();
  #turn = 0;
  #silentTurnAt = 0;
  /** The last turn met silence. */
  #afterSilence = false;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** False when the bound is reached; then the request was not taken. */
  add(waiting: Waiting): boolean {
    const unit = this.#unit(waiting.request.unit);
    if (unit.waiting.length >= waitingBound) return false;
    unit.waiting.push(waiting);
    return true;
  }

  /** Removes and returns the request whose turn it is; absent when nobody may be asked now. */
  take(now: number): Waiting | undefined {
    const ready = [...this.#units.values()].filter((unit) => readyAt(unit) <= now);
    const answering = ready.filter((unit) => unit.silences === 0);
    const silent = ready.filter((unit) => unit.silences > 0);
    const silentFirst = silent.length > 0 && now - this.#silentTurnAt >= silentTurnEveryMs;
    const unit = (answering.length > 0 && !silentFirst ? answering : silent).reduce<Unit | undefined>(
      (best, each) => (best === undefined || this.#before(each, best) ? each : best),
      undefined,
    );
    if (unit === undefined) return undefined;
    unit.lastTurn = ++this.#turn;
    this.#afterSilence = false;
    return unit.waiting.shift();
  }

  /** Log time ms at which somebody may be asked; absent when nobody waits. */
  nextAt(): number | undefined {
    const next = Math.min(...[...this.#units.values()].map(readyAt));
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  traces(unit: number): Traces {
    return this.#unit(unit).traces;
  }

  /** Tells how a turn ended. */
  ended(request: Request, exchange: Exchange, now: number): void {
    const unit = this.#unit(request.unit);
    if (exchange.ok || exchange.why === "exception") unit.answeredAt = now;
    if (exchange.ok || exchange.why === "exception" || exchange.why === "bad-crc") unit.silences = 0;
    else if (exchange.why === "timeout" || exchange.why === "short") {
      unit.silences++;
      unit.restUntil = now + Math.min(longestRestMs, firstRestMs * 2 ** (unit.silences - 1));
      this.#afterSilence = true;
      this.#silentTurnAt = now;
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

  /** After a silence the unit that answered last goes first: it is the surest not to have fallen silent too. */
  #before(a: Unit, b: Unit): boolean {
    return this.#afterSilence && a.answeredAt !== b.answeredAt ? a.answeredAt > b.answeredAt : a.lastTurn < b.lastTurn;
  }

  #unit(number: number): Unit {
    let unit = this.#units.get(number);
    if (unit === undefined) {
      unit = {
        unit: number,
        waiting: [],
        traces: new Traces(this.#timing),
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
