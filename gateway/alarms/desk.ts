import type { Alarm, AlarmSignal, Disposition } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { AlarmDesk } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlarmLog, FusionCheckpoint, LoggedTransition, NewTransition } from "../ports/logs.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { acknowledge, alarmIdOf, close, gatewayActor, raise, returnToNormal, update } from "./lifecycle.ts";

/** A rule's word with the moment it holds for, ISO 8601. */
export interface DatedSignal {
  readonly rule: string;
  readonly wallAt: string;
  readonly signal: AlarmSignal;
}

export interface FusionDesk extends AlarmDesk {
  /** Makes what the signals lead to and the checkpoint durable, all or nothing. Throws where the disk refuses. */
  take(signals: readonly DatedSignal[], checkpoint?: FusionCheckpoint): void;
}

/** Open alarms at most; beyond, the oldest that has returned and is least grave is closed by the gateway. */
export const maxOpenAlarms = 5000;

/** The open alarms, and the one place where they change: signals of rules and acts of people meet here. */
export function createAlarmDesk(options: { log: AlarmLog; clock: Clock; telemetry: Telemetry }): FusionDesk {
  const { log, clock, telemetry } = options;
  const board = new OpenAlarms(log.openAlarms());
  const listeners = new Set<(batch: readonly LoggedTransition[]) => void>();

  function write(transitions: readonly NewTransition[], checkpoint?: FusionCheckpoint): void {
    const logged = log.append(transitions, checkpoint);
    for (const { alarm, transition } of transitions) {
      board.put(alarm);
      telemetry.count("zhian_alarm_transitions_total", { rule: transition.rule, step: transition.step });
    }
    telemetry.gauge("zhian_alarms_open", board.size);
    if (logged.length > 0) for (const listener of listeners) listener(logged);
  }

  function openAlarm(id: AlarmId): Alarm {
    const alarm = board.get(id);
    if (alarm !== undefined) return alarm;
    if (log.alarm(id) !== undefined) throw new GatewayError("ALARM_CLOSED", `alarm ${id} is closed`);
    throw new GatewayError("ALARM_UNKNOWN", `no alarm has the id ${id}`);
  }

  /** A person's act. Log time and wall time are one here: nobody replays a person. */
  function act(id: AlarmId, transitions: readonly NewTransition[]): Alarm {
    if (transitions.length > 0) write(transitions);
    return transitions.at(-1)?.alarm ?? openAlarm(id);
  }

  return {
    open: () => board.all(),
    get: (id) => board.get(id) ?? log.alarm(id),
    acknowledge(id, by, comment) {
      return act(id, acknowledge(openAlarm(id), by, new Date(clock.wall()).toISOString(), comment));
    },
    close(id, by, disposition: Disposition, comment) {
      return act(id, [close(openAlarm(id), by, new Date(clock.wall()).toISOString(), disposition, comment)]);
    },
    onTransitions(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    take(signals, checkpoint) {
      const draft = board.draft();
      const transitions = signals.flatMap((dated) => respond(draft, dated, log));
      write([...transitions, ...relieve(draft, clock)], checkpoint);
    },
  };
}

/** What one signal leads to, given the alarms as they stand; remembers it in the draft for the signals after it. */
function respond(draft: OpenAlarms, { rule, wallAt, signal }: DatedSignal, log: AlarmLog): NewTransition[] {
  const out: NewTransition[] = [];
  if (signal.type === "raise") {
    const id = alarmIdOf(rule, signal.subject, signal.openedBy);
    const open = draft.get(id) ?? (signal.perOccurrence === true ? undefined : draft.find(rule, signal.subject));
    if (open !== undefined) out.push(update(open, signal, wallAt));
    // An alarm that a person has closed does not rise again from the same opening; its next occurrence has a new id.
    else if (log.alarm(id) === undefined) out.push(raise(rule, signal, wallAt));
    else out.push(raise(rule, { ...signal, openedBy: signal.causes.at(-1) ?? signal.openedBy }, wallAt));
  } else {
    const open =
      signal.openedBy === undefined
        ? draft.find(rule, signal.subject)
        : draft.get(alarmIdOf(rule, signal.subject, signal.openedBy));
    if (open !== undefined) out.push(...returnToNormal(open, signal, wallAt));
  }
  for (const { alarm } of out) draft.put(alarm);
  return out;
}

/** Keeps the number of open alarms bounded: gives up what has returned, the least grave and oldest first. */
function relieve(draft: OpenAlarms, clock: Clock): NewTransition[] {
  const excess = draft.size - maxOpenAlarms;
  if (excess <= 0) return [];
  const at = new Date(clock.wall()).toISOString();
  return draft
    .all()
    .filter((alarm) => !alarm.active && alarm.severity !== "critical")
    .sort((a, b) => b.priority - a.priority || a.raisedAt.localeCompare(b.raisedAt))
    .slice(0, excess)
    .map((alarm) => {
      const closed = close(alarm, gatewayActor, at, "duplicate", "closed since too many alarms were open");
      draft.put(closed.alarm);
      return closed;
    });
}

/** Open alarms by id and by (rule, subject); the newest of a subject is found first. */
class OpenAlarms {
  readonly #base: OpenAlarms | undefined;
  readonly #byId = new Map<string, Alarm | undefined>();
  readonly #bySubject = new Map<string, string>();
  #count: number;

  constructor(alarms: readonly Alarm[], base?: OpenAlarms) {
    this.#base = base;
    this.#count = base?.size ?? 0;
    for (const alarm of alarms) this.put(alarm);
  }

  get size(): number {
    return this.#count;
  }

  get(id: string): Alarm | undefined {
    return this.#byId.has(id) ? this.#byId.get(id) : this.#base?.get(id);
  }

  find(rule: string, subject: string): Alarm | undefined {
    const id = this.#bySubject.get(`${rule}\n${subject}`);
    const own = id === undefined ? undefined : this.get(id);
    if (own !== undefined) return own;
    const older = this.#base?.find(rule, subject);
    return older === undefined ? undefined : this.get(older.id);
  }

  put(alarm: Alarm): void {
    const had = this.get(alarm.id) !== undefined;
    const has = alarm.state !== "closed";
    if (has) {
      this.#byId.set(alarm.id, alarm);
      this.#bySubject.set(`${alarm.rule}\n${alarm.subject}`, alarm.id);
    } else if (this.#base === undefined) {
      this.#byId.delete(alarm.id);
      this.#forget(alarm);
    } else {
      this.#byId.set(alarm.id, undefined);
    }
    this.#count += Number(has) - Number(had);
  }

  all(): Alarm[] {
    const merged = new Map(this.#base?.all().map((alarm) => [alarm.id as string, alarm]));
    for (const [id, alarm] of this.#byId) {
      if (alarm === undefined) merged.delete(id);
      else merged.set(id, alarm);
    }
    return [...merged.values()];
  }

  /** A copy to try a batch on; what is put into it does not touch this one. */
  draft(): OpenAlarms {
    return new OpenAlarms([], this);
  }

  #forget(alarm: Alarm): void {
    const key = `${alarm.rule}\n${alarm.subject}`;
    if (this.#bySubject.get(key) === alarm.id) this.#bySubject.delete(key);
  }
}
