import type { Alarm, Bilingual, Tier } from "../../domain/alarm.ts";
import { isGatewayError } from "../../domain/errors.ts";
import type { AlarmId } from "../../domain/ids.ts";
import type { AlarmDesk } from "../../ports/alarms.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Push, PushLog, PushOutcome, PushTry, Telling } from "../../ports/logs.ts";
import type { Channel, PushMessage } from "../../ports/push.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { type Cooling, coolDown, coolingFrom, forgetCooled } from "./cool-down.ts";
import { PushDelivery } from "./delivery.ts";
import { type DuePush, type Moment, type Plan, plan, stillWanted } from "./planner.ts";
import type { EscalationPolicy } from "./policy.ts";
import { onDuty } from "./roster.ts";

export interface EscalationOptions {
  readonly desk: AlarmDesk;
  readonly log: PushLog;
  readonly policy: EscalationPolicy;
  readonly channels: readonly Channel[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
  /** Where and what, short. */
  readonly title: (alarm: Alarm) => Bilingual;
}

export interface Escalation {
  /** Nothing is pushed any more; what was under way is tried again by whoever starts next, under the same id. */
  stop(): Promise<void>;
}

/** A disk that refused is asked again. */
const againAfterMs = 5000;
/** A timer longer than 2^31 ms would fire at once. */
const longestTimerMs = 3_600_000;
const coolingsBeforePruning = 1000;
/** So many steps are written in one turn of the event loop: a flood of alarms must not hold up everything else. */
const stepsATurn = 20;
/** With so many under way no more is decided but of critical alarms, until some are over: the alarms wait in their log. */
const mostUnderWay = 1000;

/**
 * Tells people of alarms, tier by tier. What is due is decided by the plan, recorded, and only then brought to people: so a
 * restart at any moment goes on where it was, and at most the push under way is sent twice, under one id.
 */
export function startEscalation(options: EscalationOptions): Escalation {
  return new RunningEscalation(options);
}

class RunningEscalation implements Escalation {
  readonly #o: EscalationOptions;
  readonly #delivery: PushDelivery;
  readonly #tellings: Map<AlarmId, Telling>;
  readonly #cooling: Map<string, Cooling>;
  /** Pushes without an outcome. */
  readonly #pushes = new Map<string, Push>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  readonly #dirty = new Set<AlarmId>();
  /** When an alarm may need something without anything having happened. */
  readonly #lookAt = new Map<AlarmId, number>();
  readonly #unsubscribe: () => void;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(options: EscalationOptions) {
    const { log, desk, clock, policy } = options;
    this.#o = options;
    this.#delivery = new PushDelivery({
      ...options,
      current: (id) => this.#push(id),
      channelsOf: ({ tier }) => policy.tiers[tier]?.channels ?? [],
      compose: (push) => this.#compose(push),
      onTried: (push, attempt) => this.#tried(push, attempt),
    });
    this.#tellings = new Map(log.tellings().map((telling) => [telling.alarmId, telling]));
    this.#cooling = coolingFrom(log.firstTierSince(clock.now() - policy.coolDown));
    for (const { push, tries } of log.unsettled()) this.#bring(push, tries);
    this.#unsubscribe = desk.onTransitions((batch) => {
      for (const { transition } of batch) this.#dirty.add(transition.alarmId);
      this.#lookIn(0);
    });
    for (const { id } of desk.open()) this.#dirty.add(id);
    for (const id of this.#tellings.keys()) this.#dirty.add(id);
    this.#lookIn(0);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#timer?.cancel();
    this.#ending.abort();
    await Promise.all(this.#underWay);
    await Promise.all(this.#o.channels.map((channel) => channel.close()));
  }

  #lookIn(ms: number): void {
    if (this.#ending.signal.aborted) return;
    const { clock } = this.#o;
    const at = clock.now() + ms;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = clock.after(Math.min(ms, longestTimerMs), () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { at, cancel };
  }

  #look(): void {
    const { clock } = this.#o;
    const moment = this.#moment();
    for (const [id, at] of this.#lookAt) if (at <= moment.now) this.#dirty.add(id);
    const ids = [...this.#dirty];
    this.#dirty.clear();
    try {
      this.#decide(ids, moment);
    } catch (err) {
      if (!isGatewayError(err)) throw err;
      this.#o.logger.error({ err }, "what is to be told of alarms could not be recorded; it is tried again");
      for (const id of ids) this.#dirty.add(id);
      this.#lookIn(againAfterMs);
      return;
    }
    const next = Math.min(...this.#lookAt.values());
    if (next !== Number.POSITIVE_INFINITY) this.#lookIn(Math.max(0, next - clock.now()));
  }

  /** Decides, records, and only then acts. Throws where the disk refuses, and has then changed nothing. */
  #decide(ids: readonly AlarmId[], moment: Moment): void {
    const { desk, log, policy } = this.#o;
    const underWay = new Set([...this.#pushes.values()].flatMap(({ tier, alarms }) => (tier === 1 ? alarms : [])));
    const plans: { readonly alarm: Alarm; readonly plan: Plan }[] = [];
    for (const id of ids) {
      const alarm = desk.get(id);
      if (alarm === undefined || alarm.state === "closed") this.#forget(id);
      else if (this.#pushes.size >= mostUnderWay && alarm.severity !== "critical")
        this.#lookAt.set(id, moment.now + againAfterMs);
      else plans.push({ alarm, plan: plan(alarm, this.#tellings.get(id), policy, moment, underWay.has(id)) });
    }
    // The gravest first; and in one order always, so that a restart forms the same groups.
    plans.sort((a, b) => a.alarm.priority - b.alarm.priority || (a.alarm.id < b.alarm.id ? -1 : 1));
    const cooling = new Map<string, Cooling>();
    const pushes = new Map<string, Push>();
    for (const { alarm, plan: each } of plans) {
      for (const due of each.due) {
        const push = this.#cool(this.#pushOf(alarm, due, moment.now), cooling);
        if (push !== undefined) pushes.set(push.id, push);
      }
    }
    const changed = plans.flatMap(({ plan: { telling } }) =>
      JSON.stringify(telling) === JSON.stringify(this.#tellings.get(telling.alarmId)) ? [] : [telling],
    );
    if (changed.length > 0 || pushes.size > 0) log.record({ tellings: changed, pushes: [...pushes.values()] });
    for (const telling of changed) this.#tellings.set(telling.alarmId, telling);
    for (const [key, each] of cooling) this.#cooling.set(key, each);
    if (this.#cooling.size > coolingsBeforePruning) forgetCooled(this.#cooling, moment.now - policy.coolDown);
    for (const { alarm, plan: each } of plans) {
      if (each.lookAgainAt === undefined) this.#lookAt.delete(alarm.id);
      else this.#lookAt.set(alarm.id, each.lookAgainAt);
    }
    for (const push of pushes.values()) this.#bring(push, []);
    this.#escalateSome(plans);
  }

  #pushOf(alarm: Alarm, { tier, why, number }: DuePush, now: number): Push {
    const { id, rule, zoneId, priority } = alarm;
    return { id: `${id}-p${number}`, tier, why, alarms: [id], key: `${rule}\n${zoneId}`, priority, at: now, due: now };
  }

  /** Absent where the tier has no channel: then the step in the alarm log is all there is to it. */
  #cool(push: Push, decided: Map<string, Cooling>): Push | undefined {
    const { policy } = this.#o;
    if (policy.tiers[push.tier]?.channels.length === 0) return undefined;
    if (push.tier !== 1) return push;
    const before = decided.get(push.key) ?? this.#cooling.get(push.key) ?? {};
    const done = coolDown(before, push, policy.coolDown);
    decided.set(push.key, done.cooling);
    return done.push;
  }

  /** Writes the steps that alarms do not have yet, also those that a crash kept from being written; each is a commit. */
  #escalateSome(plans: readonly { readonly alarm: Alarm; readonly plan: Plan }[]): void {
    const { desk, policy } = this.#o;
    let left = stepsATurn;
    for (const { alarm, plan: each } of plans) {
      const { reached, failed } = each.telling;
      for (const tier of [1, 2, 3] as const) {
        if (tier > reached || tier <= (alarm.tier ?? 0) || policy.tiers[tier] === undefined) continue;
        if (left === 0) {
          this.#dirty.add(alarm.id);
          this.#lookIn(0);
          break;
        }
        left -= 1;
        desk.escalate(alarm.id, tier, reasons[failed > 0 && failed === tier - 1 ? "undelivered" : tier]);
      }
    }
  }

  #forget(id: AlarmId): void {
    this.#lookAt.delete(id);
    if (!this.#tellings.has(id)) return;
    this.#o.log.forget(id);
    this.#tellings.delete(id);
  }

  /** Begins to deliver a push, or lets the one that waits know of the alarms that are in it now. */
  #bring(push: Push, tries: readonly PushTry[]): void {
    const { telemetry } = this.#o;
    const known = this.#pushes.has(push.id);
    this.#pushes.set(push.id, push);
    if (known) return;
    if (tries.length === 0) telemetry.count("zhian_pushes_total", { tier: String(push.tier), why: push.why });
    telemetry.gauge("zhian_pushes_under_way", this.#pushes.size);
    const way = this.#delivery.deliver(push.id, tries, this.#ending.signal).then((outcome) => {
      this.#underWay.delete(way);
      if (outcome !== undefined) this.#settle(push.id, outcome);
    });
    this.#underWay.add(way);
  }

  #settle(id: string, outcome: PushOutcome): void {
    const { log, clock, telemetry, logger } = this.#o;
    const { tier, alarms } = this.#push(id);
    const failed = outcome !== "failed" ? [] : alarms.flatMap((alarm) => this.#tellings.get(alarm) ?? []);
    const tellings = failed.map((telling): Telling => ({ ...telling, failed: higher(telling.failed, tier) }));
    try {
      log.settle(id, outcome, clock.now(), tellings);
    } catch (err) {
      if (!isGatewayError(err)) throw err;
      if (!this.#ending.signal.aborted) clock.after(againAfterMs, () => this.#settle(id, outcome));
      return;
    }
    this.#pushes.delete(id);
    telemetry.count("zhian_pushes_settled_total", { tier: String(tier), outcome });
    telemetry.gauge("zhian_pushes_under_way", this.#pushes.size);
    if (outcome === "failed") logger.error({ push: id, tier, alarms }, "no channel took a push; it goes up a tier");
    for (const telling of tellings) this.#tellings.set(telling.alarmId, telling);
    for (const alarm of alarms) this.#dirty.add(alarm);
    this.#lookIn(0);
  }

  #tried(push: Push, attempt: PushTry): void {
    try {
      this.#o.log.tried(push.id, attempt);
    } catch (err) {
      // The push itself is recorded; without this row it is tried once more after a restart.
      if (!isGatewayError(err)) throw err;
      this.#o.logger.error({ err, push: push.id }, "a try of a push could not be recorded");
    }
  }

  #compose(push: Push): PushMessage | undefined {
    const { desk, policy, title } = this.#o;
    const alarms = push.alarms
      .flatMap((id) => desk.get(id) ?? [])
      .filter((alarm) => stillWanted(alarm, push, policy))
      .sort((a, b) => a.priority - b.priority);
    const [alarm] = alarms;
    if (alarm === undefined) return undefined;
    const { zh, en } = title(alarm);
    const more = alarms.length - 1;
    return {
      id: push.id,
      alarm,
      title: more === 0 ? { zh, en } : { zh: `${zh}（另有${more}条）`, en: `${en} (and ${more} more)` },
      tier: push.tier,
      to: onDuty(policy, policy.tiers[push.tier]?.to ?? [], this.#moment().wall),
      exercise: false,
    };
  }

  /** A clock that is known to be wrong says nothing about hours and shifts. */
  #moment(): Moment {
    const { clock } = this.#o;
    const now = clock.now();
    return clock.quality().state === "unsynchronised" ? { now } : { now, wall: clock.wall() };
  }

  #push(id: string): Push {
    const push = this.#pushes.get(id);
    if (push === undefined) throw new Error(`push ${id} is over`);
    return push;
  }
}

const reasons = {
  1: "to the people on duty",
  2: "to those responsible: nobody settled it in time",
  3: "to the city: nobody settled it in time",
  undelivered: "no channel reached the people of the tier before",
} as const;

function higher(a: Tier | 0, b: Tier): Tier {
  return a === 0 || a < b ? b : a;
}
