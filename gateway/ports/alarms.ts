import type { Actor, Alarm, Disposition, Tier } from "../domain/alarm.ts";
import type { AlarmId, ZoneId } from "../domain/ids.ts";
import type { LoggedTransition } from "./logs.ts";

export type ZoneColour = "red" | "yellow" | "green" | "unknown";

export interface ZoneState {
  readonly zoneId: ZoneId;
  readonly colour: ZoneColour;
  /** Log time ms since when. */
  readonly since: number;
  /** Open alarms and silent devices that explain the colour. */
  readonly reasons: readonly { readonly zh: string; readonly en: string }[];
}

/** Where people and the city act on alarms. Each act is durable when the call returns. */
export interface AlarmDesk {
  open(): readonly Alarm[];
  get(id: AlarmId): Alarm | undefined;
  /** Throws ALARM_UNKNOWN or ALARM_CLOSED. A second acknowledgement changes nothing and returns the alarm as it is. */
  acknowledge(id: AlarmId, by: Actor, comment?: string): Alarm;
  /** Throws ALARM_UNKNOWN or ALARM_CLOSED. */
  close(id: AlarmId, by: Actor, disposition: Disposition, comment?: string): Alarm;
  /**
   * Puts it aside until `until`, log time ms, with the reason: it asks nobody for attention, and its condition is followed all
   * the same. Throws ALARM_UNKNOWN, ALARM_CLOSED, or SHELF_REFUSED for a time that is too long or has passed.
   */
  shelve(id: AlarmId, by: Actor, until: number, reason: string): Alarm;
  /** Takes it from the shelf before its time. One that is not shelved stays as it is. */
  unshelve(id: AlarmId, by: Actor): Alarm;
  /**
   * It goes to the people of a tier, or to the city with tier 3; `detail` says why. One that went as high before stays as it
   * is. Throws ALARM_UNKNOWN or ALARM_CLOSED.
   */
  escalate(id: AlarmId, tier: Tier, detail: string): Alarm;
  /** Called after each commit, in order. Must not throw. */
  onTransitions(listener: (batch: readonly LoggedTransition[]) => void): () => void;
}

export interface ZoneBoard {
  zones(): readonly ZoneState[];
  onChanged(listener: (zone: ZoneState) => void): () => void;
}
