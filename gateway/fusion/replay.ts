import type { LoggedObservation } from "../domain/observation.ts";
import { FusionEngine } from "./engine.ts";
import type { ConfiguredRule, RuleSignal, SiteView } from "./rule.ts";

/** What the rules say about a recorded log, from its first observation on, without touching anything. */
export function* replaySignals(
  log: Iterable<LoggedObservation>,
  rules: readonly ConfiguredRule[],
  site: SiteView,
  until?: number,
): Generator<{ cursor: number; signal: RuleSignal }> {
  const engine = new FusionEngine({ rules, site, onRuleError: () => {} });
  for (const logged of log) {
    for (const signal of engine.observe(logged)) yield { cursor: engine.cursor, signal };
  }
  if (until !== undefined) for (const signal of engine.advance(until)) yield { cursor: engine.cursor, signal };
}
