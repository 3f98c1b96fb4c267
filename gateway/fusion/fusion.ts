import { defer, EMPTY, exhaustMap, merge, Observable, retry, Subject, type Subscription } from "rxjs";
import type { LoggedObservation, Observation } from "../domain/observation.ts";
import type { Clock } from "../ports/clock.ts";
import type { FusionCheckpoint, ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { type EngineStart, FusionEngine } from "./engine.ts";
import type { ConfiguredRule, RuleSignal, SiteView } from "./rule.ts";

export interface FusionOptions {
  readonly log: ObservationLog;
  readonly rules: readonly ConfiguredRule[];
  readonly site: SiteView;
  readonly start?: EngineStart | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Makes the signals' transitions and the checkpoint durable, all or nothing; throws where the disk refuses. */
  readonly commit: (signals: readonly RuleSignal[], checkpoint: FusionCheckpoint) => void;
  readonly onRuleError?: (rule: string, observation: Observation | undefined) => void;
}

export interface Fusion {
  /** All observations up to here are fused and their alarms durable. */
  readonly cursor: number;
  /** Writes a last checkpoint and ends. */
  stop(): void;
  /** Ends without writing anything more: what a crash would do. */
  abandon(): void;
}

const readAhead = 1000;
/** Observations taken in before the rest of the process gets its turn: some 30 ms, however long the log behind. */
const perTurn = 10_000;
/** Without alarms a checkpoint is written this often at most; a crash re-reads what came after it. */
const checkpointEveryMs = 5000;
const checkpointEveryObservations = 20_000;

/**
 * Drives the engine along the committed log. What is committed arrives by push; after a trouble or a restart it is read
 * from the cursor, so nothing is ever queued here. Time moves by itself only while the log has nothing to write.
 */
export function startFusion(options: FusionOptions): Fusion {
  const { log, clock, logger, telemetry } = options;
  const engine = new FusionEngine(
    {
      rules: options.rules,
      site: options.site,
      onRuleError(rule, key, error, observation) {
        telemetry.count("zhian_fusion_rule_errors_total", { rule });
        logger.error(
          { rule, key, observation: observation?.id, err: error },
          "a rule failed on an event; the event is lost to it",
        );
        options.onRuleError?.(rule, observation);
      },
      onKeyEvicted: (rule) => telemetry.count("zhian_fusion_keys_evicted_total", { rule }),
    },
    options.start,
  );
  let uncommitted: RuleSignal[] = [];
  let handed: readonly LoggedObservation[] = [];
  let saved = { at: clock.now(), cursor: engine.cursor };
  let cancelWake = (): void => {};

  function commit(force = false): void {
    const old = engine.cursor - saved.cursor;
    const due = old >= checkpointEveryObservations || (old > 0 && clock.now() - saved.at >= checkpointEveryMs);
    if (uncommitted.length === 0 && !due && !force) return;
    options.commit(uncommitted, engine.checkpoint());
    engine.saved();
    uncommitted = [];
    saved = { at: clock.now(), cursor: engine.cursor };
  }

  /** What comes next: the batch just committed where it fits, else what the log has after the cursor. */
  function nextBatch(): readonly LoggedObservation[] {
    const batch = handed;
    handed = [];
    if (batch[0]?.seq === engine.cursor + 1) return batch;
    return engine.cursor < log.head() ? log.read(engine.cursor, readAhead) : [];
  }

  function drain(): void {
    commit();
    let taken = 0;
    for (let batch = nextBatch(); batch.length > 0; batch = taken < perTurn ? nextBatch() : []) {
      for (const logged of batch) uncommitted.push(...engine.observe(logged));
      telemetry.count("zhian_fusion_observations_total", {}, batch.length);
      taken += batch.length;
      commit();
    }
    if (taken >= perTurn && engine.cursor < log.head()) {
      cancelWake();
      cancelWake = clock.after(0, () => wake$.next());
      return;
    }
    const now = clock.now();
    if ((engine.nextWake() ?? Number.POSITIVE_INFINITY) <= now && log.idle()) {
      log.holdTime(now);
      uncommitted.push(...engine.advance(now));
    }
    commit();
    armWake();
  }

  const wake$ = new Subject<void>();
  function armWake(): void {
    cancelWake();
    const checkpointAt = engine.cursor > saved.cursor ? saved.at + checkpointEveryMs : Number.POSITIVE_INFINITY;
    const next = Math.min(engine.nextWake() ?? Number.POSITIVE_INFINITY, checkpointAt);
    if (next < Number.POSITIVE_INFINITY) {
      cancelWake = clock.after(Math.max(0, next - clock.now()), () => wake$.next());
    }
  }

  const committed$ = new Observable<void>((subscriber) =>
    log.onCommitted((batch) => {
      handed = batch;
      subscriber.next();
    }),
  );
  const later$ = (ms: number): Observable<number> =>
    new Observable((subscriber) =>
      clock.after(ms, () => {
        subscriber.next(ms);
        subscriber.complete();
      }),
    );
  const pump$ = defer(() => {
    drain();
    return EMPTY;
  }).pipe(
    retry({
      delay: (error: unknown, attempt) => {
        telemetry.count("zhian_fusion_commit_errors_total");
        if (attempt === 1) logger.error({ err: error }, "alarms could not be written; trying again");
        return later$(Math.min(5000, 100 * 2 ** Math.min(attempt, 6)));
      },
    }),
  );
  const running: Subscription = merge(committed$, wake$)
    .pipe(exhaustMap(() => pump$))
    .subscribe();
  wake$.next();

  function end(): void {
    running.unsubscribe();
    cancelWake();
  }

  return {
    get cursor() {
      return saved.cursor;
    },
    abandon: end,
    stop() {
      end();
      commit(engine.dirty || engine.cursor > saved.cursor);
    },
  };
}
