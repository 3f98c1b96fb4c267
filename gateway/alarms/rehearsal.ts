import type { Alarm, AlarmSignal, AlarmTransition } from "../domain/alarm.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { LoggedTransition, NewTransition } from "../ports/logs.ts";
import { acknowledge, close, corroborate, escalate, hold, release } from "./lifecycle.ts";
import { OpenAlarms } from "./open-alarms.ts";
import { concerned, type DatedSignal, maxOpenAlarms, relieve, respond } from "./respond.ts";

/** A step of the alarm log with the log time of its commit, ms. */
export interface RecordedStep extends LoggedTransition {
  readonly at: number;
}

/** A rule's word with the virtual time that it holds for, ms. */
export interface TimedSignal extends DatedSignal {
  readonly at: number;
}

export interface RehearsalOptions {
  /** The recorded steps after `seq`, oldest first. */
  readonly read: (after: number, limit: number) => readonly RecordedStep[];
  /** No observation in the log opened this alarm: no rule can raise it here. */
  readonly isOutside: (id: AlarmId) => boolean;
}

const readAhead = 500;
/** Live, an act may come between the moment that a rule's word holds for and its commit; so late a commit is looked for. */
const commitLagMs = 60_000;
/** The recorded reliefs are put back; this bound is for rules that raise far more than those that ran live. */
const mostOpenAlarms = 2 * maxOpenAlarms;

/**
 * The alarm desk of a replay: answers the rules as the live one would, and puts back at their place what the rules did
 * not do: acts of people, reliefs of the gateway, and every step of alarms from before the log begins. It writes nothing.
 *
 * Place: an act made before the moment of a signal comes before it. Within the lag between that moment and its commit the
 * alarm log itself tells the order, by the step that the same signal led to live.
 */
export class Rehearsal {
  readonly #options: RehearsalOptions;
  readonly #board = new OpenAlarms([]);
  readonly #raised = new Set<AlarmId>();
  /** Recorded steps that are yet to be passed. */
  #ahead: RecordedStep[] = [];
  #read = { seq: 0, at: Number.NEGATIVE_INFINITY, ended: false };

  constructor(options: RehearsalOptions) {
    this.#options = options;
  }

  get open(): readonly Alarm[] {
    return this.#board.all();
  }

  /** Signals come in the order of the replay. The alarm that was raised by this one, if any. */
  take(signal: TimedSignal): Alarm | undefined {
    this.#fill(signal.at + commitLagMs);
    this.#pass(this.#firstFrom(signal.at));
    this.#pass(this.#placeOf(signal) + 1);
    const steps = respond(this.#board, signal, (id) => this.#raised.has(id));
    const raised = steps.find(({ transition }) => transition.step === "raised")?.alarm;
    if (raised !== undefined) this.#raised.add(raised.id);
    relieve(this.#board, mostOpenAlarms, signal.wallAt);
    return raised;
  }

  /** Puts back all that was recorded after the last signal. */
  finish(): void {
    for (this.#fill(Number.POSITIVE_INFINITY); this.#ahead.length > 0; this.#fill(Number.POSITIVE_INFINITY)) {
      this.#pass(this.#ahead.length);
    }
  }

  /** Reads on until what was recorded up to this log time is there. */
  #fill(until: number): void {
    while (!this.#read.ended && (this.#read.at <= until || this.#ahead.length === 0)) {
      const batch = this.#options.read(this.#read.seq, readAhead);
      const last = batch.at(-1);
      if (last === undefined) this.#read.ended = true;
      else this.#read = { seq: last.seq, at: last.at, ended: false };
      this.#ahead.push(...batch);
      if (until === Number.POSITIVE_INFINITY) return;
    }
  }

  #firstFrom(at: number): number {
    const index = this.#ahead.findIndex((step) => step.at >= at);
    return index < 0 ? this.#ahead.length : index;
  }

  /** Index of the step that this signal led to live; -1 where it led to none. */
  #placeOf({ rule, wallAt, signal, at }: TimedSignal): number {
    const open = concerned(this.#board, rule, signal);
    // A clear where nothing is active changes nothing, and led to no step.
    if (signal.type === "clear" && open?.active !== true) return -1;
    if (signal.type === "corroborate" && (open === undefined || corroborate(open, signal, wallAt).length === 0))
      return -1;
    for (const [index, step] of this.#ahead.entries()) {
      if (step.at > at + commitLagMs) return -1;
      const { transition } = step;
      const about = signal.type === "corroborate" ? signal.rule : rule;
      if (transition.at !== wallAt || transition.rule !== about || transition.subject !== signal.subject) continue;
      if (isAnswerTo(signal, transition, open)) return index;
    }
    return -1;
  }

  #pass(count: number): void {
    for (const step of this.#ahead.splice(0, count)) this.#putBack(step);
  }

  #putBack({ transition, alarm }: RecordedStep): void {
    if (this.#options.isOutside(alarm.id)) {
      this.#raised.add(alarm.id);
      this.#board.put(alarm);
      return;
    }
    const { by, at, comment, step, disposition, hold: held, tier } = transition;
    if (by === undefined || (by.via === "gateway" && step === "closed" && disposition !== "duplicate")) return;
    // With other parameters the alarm may have another opening; a person would have acted on that one.
    const target = this.#board.get(alarm.id) ?? this.#board.find(alarm.rule, alarm.subject);
    if (target === undefined) return;
    let acted: readonly NewTransition[] = [];
    if (step === "acknowledged") acted = acknowledge(target, by, at, comment);
    else if (step === "closed" && disposition !== undefined) acted = [close(target, by, at, disposition, comment)];
    else if ((step === "shelved" || step === "suppressed") && held !== undefined) acted = [hold(target, held)];
    else if (step === "escalated" && tier !== undefined) acted = escalate(target, tier, by, at, comment ?? "");
    else if (step === "unshelved" || step === "unsuppressed") acted = release(target, by, at);
    for (const next of acted) this.#board.put(next.alarm);
  }
}

function isAnswerTo(signal: AlarmSignal, { step, alarmId }: AlarmTransition, open: Alarm | undefined): boolean {
  if (signal.type === "corroborate") return step === "updated";
  return signal.type === "raise"
    ? step === "raised" || step === "updated"
    : step === "returned" && alarmId === open?.id;
}
