import { AlarmComparison, type ReplayComparison } from "../alarms/comparison.ts";
import { type RecordedStep, Rehearsal } from "../alarms/rehearsal.ts";
import type { LoggedObservation } from "../domain/observation.ts";
import { type Recording, replaySignals } from "../fusion/replay.ts";
import type { ConfiguredRule, SiteView } from "../fusion/rule.ts";

export interface RehearseOptions {
  readonly recording: Recording & {
    /** Steps of the alarm log after `seq`, oldest first. */
    readonly steps: (after: number, limit: number) => readonly RecordedStep[];
  };
  readonly rules: readonly ConfiguredRule[];
  readonly site: SiteView;
  /** Alarms of one rule and subject that were raised within this of each other are taken for each other, ms. */
  readonly withinMs: number;
  readonly onObservation?: (logged: LoggedObservation) => void;
}

export interface Rehearsed extends ReplayComparison {
  /** The observations that were replayed, by number and by time of receipt; absent where there was none. */
  readonly log?: {
    readonly observations: number;
    readonly firstSeq: number;
    readonly lastSeq: number;
    readonly from: string;
    readonly to: string;
  };
  /** Events that a rule failed on; each was lost to it. */
  readonly ruleErrors: number;
}

const stepsPerRead = 1000;

/** Runs the rules over a recording, answers them as the desk would, and compares with what was raised live. */
export function rehearse({ recording, rules, site, withinMs, onObservation }: RehearseOptions): Rehearsed {
  const comparison = new AlarmComparison({ withinMs });
  const recordedFrom = noteRaised(recording.steps, comparison);
  const rehearsal = new Rehearsal({ read: recording.steps, isOutside: (id) => comparison.isOutside(id) });
  let ruleErrors = 0;
  let observations = 0;
  let first: LoggedObservation | undefined;
  let last: LoggedObservation | undefined;
  const signals = replaySignals({
    recording,
    rules,
    site,
    onObservation(logged) {
      observations += 1;
      first ??= logged;
      last = logged;
      comparison.observed(logged.observation.id);
      onObservation?.(logged);
    },
    onRuleError() {
      ruleErrors += 1;
    },
  });
  for (const signal of signals) {
    // Of the time before the alarm log begins nobody knows what was raised live and closed by people.
    if (signal.at < recordedFrom) continue;
    const raised = rehearsal.take(signal);
    if (raised !== undefined) comparison.replayed(raised);
  }
  return {
    ...comparison.result(),
    ...(first === undefined || last === undefined ? {} : { log: { observations, ...rangeOf(first, last) } }),
    ruleErrors,
  };
}

/** Log time from which on the alarm log tells what was raised. */
function noteRaised(steps: RehearseOptions["recording"]["steps"], comparison: AlarmComparison): number {
  const first = steps(0, 1)[0];
  for (let batch = steps(0, stepsPerRead); batch.length > 0; batch = steps(batch.at(-1)?.seq ?? 0, stepsPerRead)) {
    for (const { transition } of batch) if (transition.step === "raised") comparison.recorded(transition);
  }
  return first === undefined || first.seq === 1 ? Number.NEGATIVE_INFINITY : first.at;
}

function rangeOf(first: LoggedObservation, last: LoggedObservation) {
  return {
    firstSeq: first.seq,
    lastSeq: last.seq,
    from: first.observation.receivedAt,
    to: last.observation.receivedAt,
  };
}
