import type { Alarm, Disposition } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { AlarmDesk } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlarmLog, FusionCheckpoint, LoggedTransition, NewTransition } from "../ports/logs.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { acknowledge, close } from "./lifecycle.ts";
import { OpenAlarms } from "./open-alarms.ts";
import { type DatedSignal, maxOpenAlarms, relieve, respond } from "./respond.ts";

export interface FusionDesk extends AlarmDesk {
  /** Makes what the signals lead to and the checkpoint durable, all or nothing. Throws where the disk refuses. */
  take(signals: readonly DatedSignal[], checkpoint?: FusionCheckpoint): void;
}

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

  /** A person's act, dated by the wall clock; a replay puts it back where it stands in the log. */
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
      const transitions = signals.flatMap((dated) => respond(draft, dated, (id) => log.alarm(id) !== undefined));
      const relieved = relieve(draft, maxOpenAlarms, new Date(clock.wall()).toISOString());
      write([...transitions, ...relieved], checkpoint);
    },
  };
}
