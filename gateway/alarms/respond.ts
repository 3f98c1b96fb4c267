import type { Alarm, AlarmSignal } from "../domain/alarm.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { NewTransition } from "../ports/logs.ts";
import { alarmIdOf, close, corroborate, gatewayActor, raise, returnToNormal, update } from "./lifecycle.ts";
import type { OpenAlarms } from "./open-alarms.ts";

/** A rule's word with the moment it holds for, ISO 8601. */
export interface DatedSignal {
  readonly rule: string;
  readonly wallAt: string;
  readonly signal: AlarmSignal;
}

/** Open alarms at most; beyond, the oldest that has returned and is least grave is closed by the gateway. */
export const maxOpenAlarms = 5000;

/**
 * What one signal leads to, given the alarms as they stand; remembers it on the board for the signals after it.
 * `raisedBefore`: was there ever an alarm of this id? Asked of those that are not open.
 */
export function respond(
  board: OpenAlarms,
  { rule, wallAt, signal }: DatedSignal,
  raisedBefore: (id: AlarmId) => boolean,
): NewTransition[] {
  const out: NewTransition[] = [];
  const open = concerned(board, rule, signal);
  if (signal.type === "corroborate") {
    if (open !== undefined) out.push(...corroborate(open, signal, wallAt));
  } else if (signal.type === "clear") {
    if (open !== undefined) out.push(...returnToNormal(open, signal, wallAt));
  } else if (open !== undefined) {
    out.push(update(open, signal, wallAt));
  } else if (raisedBefore(alarmIdOf(rule, signal.subject, signal.openedBy))) {
    // A person has closed it. What happened once is over with that; a condition that goes on is an occurrence of its own.
    if (signal.perOccurrence !== true)
      out.push(raise(rule, { ...signal, openedBy: signal.causes.at(-1) ?? signal.openedBy }, wallAt));
  } else {
    out.push(raise(rule, signal, wallAt));
  }
  for (const { alarm } of out) board.put(alarm);
  return out;
}

/** The open alarm that a signal is about, if there is one. */
export function concerned(board: OpenAlarms, rule: string, signal: AlarmSignal): Alarm | undefined {
  if (signal.type === "corroborate") return board.find(signal.rule, signal.subject);
  if (signal.type === "clear") {
    return signal.openedBy === undefined
      ? board.find(rule, signal.subject)
      : board.get(alarmIdOf(rule, signal.subject, signal.openedBy));
  }
  const same = board.get(alarmIdOf(rule, signal.subject, signal.openedBy));
  return same ?? (signal.perOccurrence === true ? undefined : board.find(rule, signal.subject));
}

/** Keeps the number of open alarms bounded: gives up what has returned, the least grave and oldest first. */
export function relieve(board: OpenAlarms, limit: number, at: string): NewTransition[] {
  const excess = board.size - limit;
  if (excess <= 0) return [];
  return board
    .all()
    .filter((alarm) => !alarm.active && alarm.severity !== "critical")
    .sort((a, b) => b.priority - a.priority || a.raisedAt.localeCompare(b.raisedAt))
    .slice(0, excess)
    .map((alarm) => {
      const closed = close(alarm, gatewayActor, at, "duplicate", "closed since too many alarms were open");
      board.put(closed.alarm);
      return closed;
    });
}
