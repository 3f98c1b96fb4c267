import type { Severity, Tier } from "../../domain/alarm.ts";
import type { Person } from "../../ports/push.ts";

export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** Hours of the week by the clock on the wall of the site. `to` at or before `from` is on the next day. */
export interface Hours {
  readonly days: readonly Weekday[];
  /** Minutes after midnight. */
  readonly from: number;
  /** Minutes after midnight, up to 24 h. */
  readonly to: number;
}

export interface Shift extends Hours {
  readonly members: readonly string[];
}

/** People who are told together. Without shifts all are on duty, always. */
export interface Group {
  readonly id: string;
  readonly members: readonly string[];
  readonly shifts?: readonly Shift[] | undefined;
}

export interface TierPolicy {
  /** Groups. */
  readonly to: readonly string[];
  /** Channels, in the order in which they are tried: the next is the fallback of the one before. */
  readonly channels: readonly string[];
  /** After the alarm came, ms. */
  readonly after: number;
  /** What keeps the tier from being reached. */
  readonly unless: "acknowledged" | "closed";
}

/** What is otherwise for alarms of a severity. */
export interface SeverityPolicy {
  /** The highest tier that is reached for want of an answer. */
  readonly upTo: Tier;
  /** In place of the tier's own time, ms. */
  readonly after: Readonly<Partial<Record<Tier, number | undefined>>>;
  /** The first tier is told again, ms, until somebody acknowledges. */
  readonly repeatEvery?: number;
  /** Nothing is pushed outside of them; what comes then is told when they begin. */
  readonly hours?: Hours;
}

export interface EscalationPolicy {
  readonly people: readonly Person[];
  readonly groups: readonly Group[];
  readonly tiers: Readonly<{ 1: TierPolicy; 2?: TierPolicy | undefined; 3?: TierPolicy | undefined }>;
  readonly bySeverity: Readonly<Record<Severity, SeverityPolicy>>;
  /** After a push of the first tier for a rule in a zone, ms: what is no graver waits so long, and is told together. */
  readonly coolDown: number;
  readonly timeZone: string;
}
