import type { Alarm, AlarmTransition } from "../domain/alarm.ts";
import type { AlarmId, Epoch } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlarmLog, FusionCheckpoint, LoggedTransition, NewTransition } from "../ports/logs.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ClockSpans } from "./clock-spans.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";
import { FusionState } from "./fusion-state.ts";
import { type ChainAnchor, type ChainVerdict, link, verifyChain } from "./hash-chain.ts";
import type { Witness } from "./witness.ts";

export interface AlarmLogOptions {
  readonly db: Database;
  readonly commits: Commits;
  readonly spans: ClockSpans;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly witness: Witness;
  readonly epoch: Epoch;
  /** Where the chain begins now; retention moves it. */
  readonly anchor: () => ChainAnchor;
}

interface Row {
  readonly seq: number;
  readonly cursor: number;
  readonly transition: string;
  readonly alarm: string;
}

/** The end of the log in memory: moved only when a commit was durable. */
interface End {
  readonly seq: number;
  readonly at: number;
  readonly hash: string;
}

const columns = "seq, cursor, transition, alarm";

/**
 * The steps of all alarms, each row chained to the one before it; beside it every alarm as it stands, and the state of
 * the rules: one transaction writes all three, so that a crash never finds one without the others.
 */
export class SqliteAlarmLog implements AlarmLog {
  readonly epoch: Epoch;
  readonly #o: AlarmLogOptions;
  readonly #fusion: FusionState;
  readonly #insert;
  readonly #project;
  readonly #bySeq;
  readonly #byId;
  readonly #open;
  readonly #alarm;
  readonly #listeners = new Set<() => void>();
  #end: End;

  constructor(options: AlarmLogOptions) {
    const { db } = options;
    this.epoch = options.epoch;
    this.#o = options;
    this.#fusion = new FusionState(db);
    this.#insert = db.prepare<[number, number, number, number, string, string, string, string, string], never>(
      `INSERT INTO alarm_log (seq, at, cursor, span, id, alarm_id, transition, alarm, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#project = db.prepare<[string, number, number, number, string], never>(
      `INSERT INTO alarms (id, first, newest, open, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
       SET newest = excluded.newest, open = excluded.open, json = excluded.json`,
    );
    this.#bySeq = db.prepare<[number, number], Row>(
      `SELECT ${columns} FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#byId = db.prepare<[string], Row>(`SELECT ${columns} FROM alarm_log WHERE id = ?`);
    this.#open = db.prepare<[], { json: string }>("SELECT json FROM alarms WHERE open = 1 ORDER BY first, id");
    this.#alarm = db.prepare<[string], { json: string; newest: number }>(
      "SELECT json, newest FROM alarms WHERE id = ?",
    );
    const end = db.prepare<[], End>("SELECT seq, at, hash FROM alarm_log ORDER BY seq DESC LIMIT 1");
    this.#end = end.get() ?? { ...options.anchor(), at: 0 };
    options.commits.checkWith(() => (end.get()?.seq ?? options.anchor().seq) === this.#end.seq);
  }

  /**
   * A transition that is there already (same id) is not written twice; what was logged then is returned. Without a
   * checkpoint it counts as having happened where fusion last saved itself.
   */
  append(transitions: readonly NewTransition[], checkpoint?: FusionCheckpoint): readonly LoggedTransition[] {
    const { commits, witness } = this.#o;
    const done = commits.vital(() => {
      if (checkpoint !== undefined) this.#fusion.save(checkpoint);
      const cursor = this.#fusion.cursor();
      let end = this.#end;
      const logged = transitions.map((item) => {
        const known = this.#byId.get(item.transition.id);
        if (known !== undefined) return this.#again(item, known);
        end = this.#put(item, end, cursor);
        return { ...item, seq: end.seq, observationCursor: cursor };
      });
      return { logged, end };
    });
    if (done.end === this.#end) return done.logged;
    this.#end = done.end;
    witness.transitions(done.end.seq);
    for (const listener of this.#listeners) this.#call(listener);
    return done.logged;
  }

  read(after: number, limit: number): readonly LoggedTransition[] {
    return this.#bySeq.all(after, limit).map((row) => this.#logged(row));
  }

  head(): number {
    return this.#end.seq;
  }

  openAlarms(): readonly Alarm[] {
    return this.#open.all().map((row) => this.#parsed(() => parseAlarm(row.json)));
  }

  alarm(id: AlarmId): Alarm | undefined {
    const row = this.#alarm.get(id);
    return row === undefined ? undefined : this.#parsed(() => parseAlarm(row.json));
  }

  newestOf(id: AlarmId): number {
    return this.#alarm.get(id)?.newest ?? 0;
  }

  checkpoint(): { cursor: number; at: number; states: { rule: string; key: string; state: unknown }[] } | undefined {
    return this.#fusion.load();
  }

  chainHead(): string {
    return this.#end.hash;
  }

  /** Recomputes the whole chain and names the first row that does not fit. Reads every row: some microseconds each. */
  verify(): ChainVerdict {
    return verifyChain(this.#o.db, this.#o.anchor());
  }

  /** Called after each commit that added a transition. */
  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A second run of the rules says what the first said; anything else is a mistake, and must not pass unseen. */
  #again(item: NewTransition, known: Row): LoggedTransition {
    if (JSON.stringify(item.transition) !== known.transition) {
      const { id } = item.transition;
      this.#o.logger.error({ id }, "a step of an alarm came again with another content; the first one stands");
    }
    return this.#logged(known);
  }

  #put(item: NewTransition, before: End, cursor: number): End {
    const { clock, spans } = this.#o;
    const seq = before.seq + 1;
    const at = Math.max(clock.now(), before.at);
    const transition = JSON.stringify(item.transition);
    const alarm = JSON.stringify(item.alarm);
    const hash = link(before.hash, { seq, at, cursor, transition, alarm });
    const { id, alarmId } = item.transition;
    this.#insert.run(seq, at, cursor, spans.current(), id, alarmId, transition, alarm, hash);
    this.#project.run(alarmId, seq, seq, item.alarm.state === "closed" ? 0 : 1, alarm);
    return { seq, at, hash };
  }

  #logged(row: Row): LoggedTransition {
    return this.#parsed(() => ({
      seq: row.seq,
      observationCursor: row.cursor,
      transition: parseTransition(row.transition),
      alarm: parseAlarm(row.alarm),
    }));
  }

  #parsed<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#o.db.damaged("a row of the alarm log");
      throw error;
    }
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#o.logger.error({ err: error }, "a reader of the alarm log failed; it goes on from its cursor");
    }
  }
}

/** The text is our own, chained by its hash. */
function parseAlarm(text: string): Alarm {
  return JSON.parse(text) as Alarm;
}

export function parseTransition(text: string): AlarmTransition {
  return JSON.parse(text) as AlarmTransition;
}
