import { type Alarm, priorityOf, type Tier } from "../../domain/alarm.ts";
import type { Push, Telling } from "../../ports/logs.ts";
import type { EscalationPolicy, TierPolicy } from "./policy.ts";
import { within } from "./roster.ts";

/** Log time for the timers, wall clock for the hours of the week; without `wall` nobody knows what hour it is. */
export interface Moment {
  readonly now: number;
  readonly wall?: number;
}

export interface DuePush {
  readonly tier: Tier;
  readonly why: Push["why"];
  /** The place of the push among those of the alarm: it names the push. */
  readonly number: number;
}

export interface Plan {
  /** How far the telling has come once the pushes are recorded. */
  readonly telling: Telling;
  readonly due: readonly DuePush[];
  /** Log time ms when something may be due without anything having happened; absent where that cannot be. */
  readonly lookAgainAt?: number;
}

/** Hours of the week begin and end on a minute. */
const minuteMs = 60_000;
const tiers: readonly Tier[] = [1, 2, 3];

/**
 * What is due now of an alarm as it stands, given what was told of it so far, and when to look again. Pure: the same
 * answer after a restart. An alarm that is held back is not pushed, one that is closed neither; its timers go on.
 * `underWay`: a push of it to the first tier is not over, so nothing is repeated yet.
 */
export function plan(
  alarm: Alarm,
  before: Telling | undefined,
  policy: EscalationPolicy,
  moment: Moment,
  underWay = false,
): Plan {
  const telling = seen(alarm, before, moment.now);
  const special = policy.bySeverity[alarm.severity];
  if (alarm.state === "closed" || alarm.hold !== undefined) return { telling, due: [] };
  if (special.hours !== undefined && moment.wall !== undefined) {
    const { wall, now } = moment;
    if (!within(special.hours, wall, policy.timeZone)) {
      return { telling, due: [], lookAgainAt: now + minuteMs - (((wall % minuteMs) + minuteMs) % minuteMs) };
    }
  }
  const tiers = planTiers(alarm, telling, policy, moment.now);
  return planAgain(alarm, tiers, policy, moment.now, underWay);
}

/** Is there still somebody to be told by this push of the alarm as it stands? */
export function stillWanted(
  alarm: Alarm,
  { tier, why }: Pick<Push, "tier" | "why">,
  policy: EscalationPolicy,
): boolean {
  if (why === "graver") return alarm.state !== "closed" && alarm.hold === undefined;
  return concerns(alarm, policy.tiers[tier]);
}

function concerns(alarm: Alarm, tier: TierPolicy | undefined): boolean {
  if (tier === undefined || alarm.state === "closed" || alarm.hold !== undefined) return false;
  return tier.unless === "closed" || !alarm.acknowledged;
}

/** What came back after it had gone, and needs notice anew, begins from the first tier. */
function seen(alarm: Alarm, before: Telling | undefined, now: number): Telling {
  const { active, acknowledged } = alarm;
  if (before === undefined) {
    const none = { reached: 0, failed: 0, pushes: 0 } as const;
    return { alarmId: alarm.id, round: 1, since: now, active, acknowledged, ...none };
  }
  const cameBack = active && !acknowledged && (!before.active || before.acknowledged);
  if (!cameBack) return { ...before, active, acknowledged };
  const { told: _, ...rest } = before;
  return { ...rest, round: before.round + 1, since: now, active, acknowledged, reached: 0, failed: 0 };
}

function planTiers(alarm: Alarm, start: Telling, policy: EscalationPolicy, now: number): Plan {
  const special = policy.bySeverity[alarm.severity];
  let telling = start;
  const due: DuePush[] = [];
  for (const tier of tiers) {
    const each = policy.tiers[tier];
    if (each === undefined || tier <= telling.reached || !concerns(alarm, each)) continue;
    // What could not be delivered goes up at once, also where time alone would not take it there.
    const undelivered = telling.failed > 0 && telling.failed === telling.reached;
    if (!undelivered && tier > special.upTo) break;
    const at = telling.since + (special.after[tier] ?? each.after);
    if (!undelivered && at > now) return { telling, due, lookAgainAt: at };
    const first = telling.round === 1 ? "raised" : "came-back";
    const why = undelivered ? "undelivered" : tier === 1 ? first : "unanswered";
    due.push({ tier, why, number: telling.pushes + 1 });
    telling = { ...telling, reached: tier, pushes: telling.pushes + 1, ...(tier === 1 ? toldNow(alarm, now) : {}) };
  }
  return { telling, due };
}

/** The first tier hears at once of an alarm that got graver or surer, and again of one that nobody acknowledges. */
function planAgain(
  alarm: Alarm,
  { telling, due, lookAgainAt }: Plan,
  policy: EscalationPolicy,
  now: number,
  underWay: boolean,
): Plan {
  const { told } = telling;
  const later = lookAgainAt === undefined ? [] : [lookAgainAt];
  if (told === undefined) return planOf(telling, due, later);
  const again = (why: "graver" | "repeated"): readonly [Telling, readonly DuePush[]] => [
    { ...telling, pushes: telling.pushes + 1, ...toldNow(alarm, now) },
    [...due, { tier: 1, why, number: telling.pushes + 1 }],
  ];
  const graver = priorityOf(told.severity, told.certainty) > alarm.priority;
  const every = policy.bySeverity[alarm.severity].repeatEvery;
  const repeats = every !== undefined && !alarm.acknowledged && concerns(alarm, policy.tiers[1]);
  if (!repeats) return graver ? planOf(...again("graver"), later) : planOf(telling, due, later);
  if (graver) return planOf(...again("graver"), [...later, now + every]);
  if (told.at + every > now) return planOf(telling, due, [...later, told.at + every]);
  return underWay ? planOf(telling, due, later) : planOf(...again("repeated"), [...later, now + every]);
}

function toldNow({ severity, certainty }: Alarm, now: number): Pick<Telling, "told"> {
  return { told: { at: now, severity, certainty } };
}

function planOf(telling: Telling, due: readonly DuePush[], later: readonly number[]): Plan {
  return later.length === 0 ? { telling, due } : { telling, due, lookAgainAt: Math.min(...later) };
}
