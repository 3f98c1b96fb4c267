import type { LoggedObservation } from "../domain/observation.ts";
import { FusionEngine } from "./engine.ts";
import type { ConfiguredRule, RuleSignal, SiteView } from "./rule.ts";

/** A recorded observation log. */
export interface Recording {
  /** Those after `seq`, oldest first. */
  read(after: number, limit: number): readonly LoggedObservation[];
  /** How far fusion had come when the recording was taken, log time ms; absent: to the end of the log. */
  readonly until?: { readonly cursor: number; readonly at: number };
}

export interface ReplayOptions {
  readonly recording: Recording;
  readonly rules: readonly ConfiguredRule[];
  readonly site: SiteView;
  /** Called with each observation before the rules see it. */
  readonly onObservation?: (logged: LoggedObservation) => void;
  readonly onRuleError: (rule: string, error: unknown) => void;
}

const readAhead = 1000;

/**
 * What the rules say about a recorded log, from its first observation on, without touching anything. It reads in batches,
 * so that memory does not grow with the log.
 */
export function* replaySignals(options: ReplayOptions): Generator<RuleSignal> {
  const { recording, rules, site, onObservation, onRuleError } = options;
  const { until } = recording;
  const engine = new FusionEngine({ rules, site, onRuleError: (rule, _key, error) => onRuleError(rule, error) });
  const end = until?.cursor ?? Number.POSITIVE_INFINITY;
  let cursor = 0;
  for (let batch = recording.read(0, readAhead); batch.length > 0 && cursor < end; ) {
    for (const logged of batch) {
      if (logged.seq > end) break;
      onObservation?.(logged);
      yield* engine.observe(logged);
    }
    // Nothing is ever restored from here: what changed need not be remembered.
    engine.saved();
    cursor = batch.at(-1)?.seq ?? end;
    batch = recording.read(cursor, readAhead);
  }
  if (until !== undefined) yield* engine.advance(until.at);
}
