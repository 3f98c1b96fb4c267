import type { Alarm } from "../../gateway/domain/alarm.ts";
import { type AlarmId, epochSchema, siteIdSchema } from "../../gateway/domain/ids.ts";
import type { LoggedObservation, Observation } from "../../gateway/domain/observation.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import type {
  AlarmLog,
  Appended,
  FusionCheckpoint,
  LoggedTransition,
  NewObservation,
  NewTransition,
  ObservationLog,
} from "../../gateway/ports/logs.ts";

const epoch = epochSchema.parse("test");
const siteId = siteIdSchema.parse("test-site");

/** An observation log in memory: commits at once, or when `hold` is lifted; can be told to refuse. */
export class MemoryObservationLog implements ObservationLog {
  readonly epoch = epoch;
  readonly entries: LoggedObservation[] = [];
  /** Set to make every append fail with it. */
  refuse: Error | undefined;
  readonly #clock: Clock;
  readonly #listeners = new Set<(batch: readonly LoggedObservation[]) => void>();
  readonly #seen = new Map<string, number>();
  #floor = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(batch: readonly NewObservation[]): Promise<readonly Appended[]> {
    if (this.refuse !== undefined) return Promise.reject(this.refuse);
    const fresh: LoggedObservation[] = [];
    const out = batch.map((item): Appended => {
      const key = item.draft.dedupKey === undefined ? undefined : `${item.deviceId}\n${item.draft.dedupKey}`;
      const known = key === undefined ? undefined : this.#seen.get(key);
      if (known !== undefined) return { seq: known, duplicate: true };
      const logged = this.#log(item);
      if (key !== undefined) this.#seen.set(key, logged.seq);
      fresh.push(logged);
      return { seq: logged.seq, duplicate: false };
    });
    if (fresh.length > 0) for (const listener of this.#listeners) listener(fresh);
    return Promise.resolve(out);
  }

  read(after: number, limit: number): readonly LoggedObservation[] {
    return this.entries.slice(after, after + limit);
  }

  head(): number {
    return this.entries.length;
  }

  onCommitted(listener: (batch: readonly LoggedObservation[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  idle(): boolean {
    return true;
  }

  holdTime(at: number): void {
    this.#floor = Math.max(this.#floor, at);
  }

  #log(item: NewObservation): LoggedObservation {
    const at = Math.max(this.#clock.now(), this.#floor);
    this.#floor = at;
    const receivedAt = new Date(this.#clock.wall()).toISOString();
    const { kind, body, occurredAtMs, sourceRecordId } = item.draft;
    const seq = this.entries.length + 1;
    const observation = {
      id: item.id,
      seq,
      siteId,
      deviceId: item.deviceId,
      zoneId: item.zoneId,
      kind,
      body,
      occurredAt: occurredAtMs === undefined ? receivedAt : new Date(occurredAtMs).toISOString(),
      receivedAt,
      ...(sourceRecordId === undefined ? {} : { sourceRecordId }),
      dialect: item.dialect,
    } as Observation;
    const logged = { seq, at, observation };
    this.entries.push(logged);
    return logged;
  }
}

/** An alarm log in memory. What is read back went through JSON, as it would through a file. */
export class MemoryAlarmLog implements AlarmLog {
  readonly epoch = epoch;
  readonly entries: LoggedTransition[] = [];
  /** Log time of each entry, where there is a clock. */
  readonly times: number[] = [];
  refuse: Error | undefined;
  readonly #clock: Clock | undefined;
  readonly #alarms = new Map<string, Alarm>();
  readonly #newest = new Map<string, number>();
  readonly #states = new Map<string, { rule: string; key: string; state: unknown }>();
  #point: { cursor: number; at: number } | undefined;

  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  append(transitions: readonly NewTransition[], checkpoint?: FusionCheckpoint): readonly LoggedTransition[] {
    if (this.refuse !== undefined) throw this.refuse;
    if (checkpoint !== undefined) {
      this.#point = { cursor: checkpoint.cursor, at: checkpoint.at };
      for (const { rule, key, state } of checkpoint.states) {
        if (state === undefined) this.#states.delete(`${rule}\n${key}`);
        else this.#states.set(`${rule}\n${key}`, { rule, key, state: JSON.parse(JSON.stringify(state)) });
      }
    }
    return transitions.map((item) => {
      const logged = { ...item, seq: this.entries.length + 1, observationCursor: this.#point?.cursor ?? 0 };
      this.entries.push(logged);
      this.times.push(this.#clock?.now() ?? 0);
      this.#alarms.set(item.alarm.id, item.alarm);
      this.#newest.set(item.alarm.id, logged.seq);
      return logged;
    });
  }

  read(after: number, limit: number): readonly LoggedTransition[] {
    return this.entries.slice(after, after + limit);
  }

  head(): number {
    return this.entries.length;
  }

  openAlarms(): readonly Alarm[] {
    return [...this.#alarms.values()].filter((alarm) => alarm.state !== "closed");
  }

  alarm(id: AlarmId): Alarm | undefined {
    return this.#alarms.get(id);
  }

  newestOf(id: AlarmId): number {
    return this.#newest.get(id) ?? 0;
  }

  checkpoint() {
    return this.#point === undefined ? undefined : { ...this.#point, states: [...this.#states.values()] };
  }

  chainHead(): string {
    return "00";
  }
}
