import type { Alarm, Disposition } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { AlarmDesk } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlarmLog, FusionCheckpoint, LoggedTransition, NewTransition } from "../ports/logs.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { acknowledge, close, escalate, gatewayActor, hold, release } from "./lifecycle.ts";
import { OpenAlarms } from "./open-alarms.ts";
import { type DatedSignal, maxOpenAlarms, relieve, respond } from "./respond.ts";

export interface FusionDesk extends AlarmDesk {
  /** Makes what the signals lead to and the checkpoint durable, all or nothing. Throws where the disk refuses. */
  take(signals: readonly DatedSignal[], checkpoint?: FusionCheckpoint): void;
  /** Nothing changes by itself any more. */
  stop(): void;
}

/** ISA-18.2: shelving is bounded. A critical alarm is put aside for minutes, until somebody has looked. */
export const longestShelfMs = { critical: 30 * 60_000, other: 12 * 3_600_000 } as const;
/** A disk that refused the end of a shelving is asked again. */
const againAfterMs = 5000;

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

  let cancelRelease = (): void => {};
  /** Ends what has been put aside for long enough, and waits for the next. Its times are log time, so a restart keeps them. */
  function releaseDue(): void {
    cancelRelease();
    const now = clock.now();
    const held = board.all().flatMap((alarm) => {
      const until = alarm.hold?.until;
      return until === undefined ? [] : [{ alarm, until: Date.parse(until) }];
    });
    try {
      const due = held.filter(({ until }) => until <= now);
      const at = new Date(clock.wall()).toISOString();
      if (due.length > 0) write(due.flatMap(({ alarm }) => release(alarm, gatewayActor, at)));
    } catch {
      // The log tells its own trouble; the alarm stays on the shelf no longer than the disk is away.
      cancelRelease = clock.after(againAfterMs, releaseDue);
      return;
    }
    const next = Math.min(...held.filter(({ until }) => until > now).map(({ until }) => until));
    // A timer longer than 2^31 ms would fire at once.
    if (next !== Infinity) cancelRelease = clock.after(Math.min(next - now, 3_600_000), releaseDue);
  }
  cancelRelease = clock.after(0, releaseDue);

  return {
    open: () => board.all(),
    get: (id) => board.get(id) ?? log.alarm(id),
    acknowledge(id, by, comment) {
      return act(id, acknowledge(openAlarm(id), by, new Date(clock.wall()).toISOString(), comment));
    },
    close(id, by, disposition: Disposition, comment) {
      return act(id, [close(openAlarm(id), by, new Date(clock.wall()).toISOString(), disposition, comment)]);
    },
    shelve(id, by, until, reason) {
      const alarm = openAlarm(id);
      const longest = alarm.severity === "critical" ? longestShelfMs.critical : longestShelfMs.other;
      const ms = until - clock.now();
      if (!(ms > 0 && ms <= longest)) {
        throw new GatewayError(
          "SHELF_REFUSED",
          `an alarm of this severity is shelved for ${longest / 60_000} min at most`,
        );
      }
      const since = new Date(clock.wall()).toISOString();
      const held = { kind: "shelved", by, reason, since, until: new Date(until).toISOString() } as const;
      const shelved = act(id, [hold(alarm, held)]);
      releaseDue();
      return shelved;
    },
    unshelve(id, by) {
      const alarm = openAlarm(id);
      if (alarm.hold?.kind !== "shelved") return alarm;
      return act(id, release(alarm, by, new Date(clock.wall()).toISOString()));
    },
    escalate(id, tier, detail) {
      return act(id, escalate(openAlarm(id), tier, gatewayActor, new Date(clock.wall()).toISOString(), detail));
    },
    onTransitions(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => cancelRelease(),
    take(signals, checkpoint) {
      const draft = board.draft();
      const transitions = signals.flatMap((dated) => respond(draft, dated, (id) => log.alarm(id) !== undefined));
      const relieved = relieve(draft, maxOpenAlarms, new Date(clock.wall()).toISOString());
      write([...transitions, ...relieved], checkpoint);
    },
  };
}
