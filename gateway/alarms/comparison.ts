import type { Alarm, AlarmTransition } from "../domain/alarm.ts";
import type { AlarmId } from "../domain/ids.ts";
import { alarmIdOf } from "./lifecycle.ts";

/** An alarm when it was raised. */
export interface RaisedAlarm {
  readonly alarmId: AlarmId;
  readonly rule: string;
  readonly subject: string;
  readonly zoneId: Alarm["zoneId"];
  readonly severity: Alarm["severity"];
  readonly certainty: Alarm["certainty"];
  /** ISO 8601. */
  readonly raisedAt: string;
  readonly explanation: Alarm["explanation"];
}

/** As the replay raised it, beside the one that was raised live. */
export interface MovedAlarm extends RaisedAlarm {
  readonly live: { readonly alarmId: AlarmId; readonly raisedAt: string };
  /** Replay minus live, ms: negative is earlier. */
  readonly differenceMs: number;
}

/** The counts are exact; each list holds the first `mostListed` by the time of raising. */
export interface ReplayComparison {
  readonly same: number;
  readonly raised: number;
  readonly gone: number;
  readonly earlier: number;
  readonly later: number;
  /** Raised live, but by an observation that is no longer in the log: not compared. */
  readonly outside: number;
  readonly sameAlarms: readonly RaisedAlarm[];
  readonly raisedAlarms: readonly RaisedAlarm[];
  readonly goneAlarms: readonly RaisedAlarm[];
  readonly earlierAlarms: readonly MovedAlarm[];
  readonly laterAlarms: readonly MovedAlarm[];
}

export const mostListed = 10_000;
/** A replay that raises more than these without a live twin counts the rest as raised, without looking for a pair. */
const mostUnmatched = 100_000;
/** An alarm is compared with so many of the nearest in time. */
const neighbours = 16;

/**
 * The alarms of a replay beside those that were raised live. Two are one alarm where their ids are equal (rule,
 * subject, opening observation); of the rest, those of one rule and subject within a window are taken for each other,
 * nearest first. Raised at the same moment it is the same, else earlier or later. Memory grows with the number of alarms, not with that of observations.
 */
export class AlarmComparison {
  readonly #withinMs: number;
  /** Alarms raised live that no replayed one has met yet. */
  readonly #live = new Map<AlarmId, RaisedAlarm>();
  /** Ids of live alarms by the observation that opened them, as long as that was not met in the log. */
  readonly #unopened = new Map<string, AlarmId[]>();
  /** Every alarm raised live: was its opening not met in the log? */
  readonly #outside = new Map<AlarmId, boolean>();
  readonly #new: RaisedAlarm[] = [];
  #newBeyond = 0;
  readonly #same: RaisedAlarm[] = [];
  #sameCount = 0;
  readonly #moved: MovedAlarm[] = [];

  constructor(options: { readonly withinMs: number }) {
    this.#withinMs = options.withinMs;
  }

  /** A `raised` step of the alarm log. All of them come before the first observation. */
  recorded(transition: AlarmTransition): void {
    const { alarmId, rule, subject, causes } = transition;
    const opening = causes.find((cause) => alarmIdOf(rule, subject, cause) === alarmId) ?? causes[0] ?? "";
    this.#live.set(alarmId, raisedAlarm(transition, alarmId));
    this.#outside.set(alarmId, true);
    const others = this.#unopened.get(opening);
    if (others === undefined) this.#unopened.set(opening, [alarmId]);
    else others.push(alarmId);
  }

  /** An observation that is in the log. */
  observed(id: string): void {
    const opened = this.#unopened.get(id);
    if (opened === undefined) return;
    for (const alarmId of opened) this.#outside.set(alarmId, false);
    this.#unopened.delete(id);
  }

  /**
   * Did no observation so far open this alarm? Holds for alarms that were raised by now. One whose raising is not in the
   * alarm log is from before it.
   */
  isOutside(id: AlarmId): boolean {
    return this.#outside.get(id) ?? true;
  }

  /** An alarm that the replay raised. */
  replayed(alarm: Alarm): void {
    const raised = raisedAlarm(alarm, alarm.id);
    const live = this.#live.get(alarm.id);
    if (live !== undefined) {
      this.#live.delete(alarm.id);
      this.#pair(raised, live);
    } else if (this.#new.length < mostUnmatched) this.#new.push(raised);
    else this.#newBeyond += 1;
  }

  result(): ReplayComparison {
    const raised = this.#pairTheRest();
    const gone = [...this.#live.values()].filter(({ alarmId }) => !this.isOutside(alarmId));
    const earlier = this.#moved.filter(({ differenceMs }) => differenceMs < 0);
    const later = this.#moved.filter(({ differenceMs }) => differenceMs > 0);
    return {
      same: this.#sameCount,
      raised: raised.length + this.#newBeyond,
      gone: gone.length,
      earlier: earlier.length,
      later: later.length,
      outside: [...this.#outside.values()].filter((outside) => outside).length,
      sameAlarms: byTime(this.#same).slice(0, mostListed),
      raisedAlarms: byTime(raised).slice(0, mostListed),
      goneAlarms: byTime(gone).slice(0, mostListed),
      earlierAlarms: byTime(earlier).slice(0, mostListed),
      laterAlarms: byTime(later).slice(0, mostListed),
    };
  }

  #pair(replayed: RaisedAlarm, live: RaisedAlarm): void {
    // At the edge of the log a replay sees only the later part of what an alarm from outside was made of.
    if (this.isOutside(live.alarmId)) return;
    const differenceMs = timeOf(replayed) - timeOf(live);
    if (differenceMs !== 0) {
      this.#moved.push({ ...replayed, live: { alarmId: live.alarmId, raisedAt: live.raisedAt }, differenceMs });
      return;
    }
    this.#sameCount += 1;
    if (this.#same.length < mostListed) this.#same.push(replayed);
  }

  /** Returns those that have no twin. */
  #pairTheRest(): RaisedAlarm[] {
    const live = bySubject(this.#live.values());
    const alone: RaisedAlarm[] = [];
    for (const [subject, replayed] of bySubject(this.#new)) {
      const taken = new Set<AlarmId>();
      for (const [mine, theirs] of nearestFirst(replayed, live.get(subject) ?? [], this.#withinMs)) {
        if (taken.has(mine.alarmId) || taken.has(theirs.alarmId)) continue;
        taken.add(mine.alarmId).add(theirs.alarmId);
        this.#live.delete(theirs.alarmId);
        this.#pair(mine, theirs);
      }
      alone.push(...replayed.filter(({ alarmId }) => !taken.has(alarmId)));
    }
    return alone;
  }
}

function raisedAlarm(source: Omit<RaisedAlarm, "alarmId">, alarmId: AlarmId): RaisedAlarm {
  const { rule, subject, zoneId, severity, certainty, raisedAt, explanation } = source;
  return { alarmId, rule, subject, zoneId, severity, certainty, raisedAt, explanation };
}

function bySubject(alarms: Iterable<RaisedAlarm>): Map<string, RaisedAlarm[]> {
  const groups = new Map<string, RaisedAlarm[]>();
  for (const alarm of alarms) {
    const key = `${alarm.rule}\n${alarm.subject}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [alarm]);
    else group.push(alarm);
  }
  return groups;
}

/** Pairs of the two that lie within the window, nearest first; of each replayed one those with its nearest neighbours. */
function nearestFirst(
  replayed: readonly RaisedAlarm[],
  live: readonly RaisedAlarm[],
  withinMs: number,
): (readonly [RaisedAlarm, RaisedAlarm])[] {
  const theirs = byTime(live);
  const apart = (mine: RaisedAlarm, index: number): number => {
    const other = theirs[index];
    return other === undefined ? Number.POSITIVE_INFINITY : Math.abs(timeOf(mine) - timeOf(other));
  };
  const pairs: { readonly pair: readonly [RaisedAlarm, RaisedAlarm]; readonly ms: number }[] = [];
  let place = 0;
  for (const mine of byTime(replayed)) {
    for (let next = theirs[place]; next !== undefined && timeOf(next) < timeOf(mine); next = theirs[place]) place += 1;
    let before = place - 1;
    let after = place;
    for (let n = 0; n < neighbours; n += 1) {
      const nearest = apart(mine, before) <= apart(mine, after) ? before-- : after++;
      const other = theirs[nearest];
      const ms = apart(mine, nearest);
      if (other === undefined || ms > withinMs) break;
      pairs.push({ pair: [mine, other], ms });
    }
  }
  return pairs.sort((a, b) => a.ms - b.ms).map(({ pair }) => pair);
}

function timeOf({ raisedAt }: RaisedAlarm): number {
  return Date.parse(raisedAt);
}

function byTime<T extends RaisedAlarm>(alarms: readonly T[]): T[] {
  return [...alarms].sort((a, b) => timeOf(a) - timeOf(b));
}
