import { createAlarmDesk, type FusionDesk } from "../../gateway/alarms/desk.ts";
import { type Escalation, startEscalation } from "../../gateway/alarms/escalation/escalation.ts";
import type { EscalationPolicy } from "../../gateway/alarms/escalation/policy.ts";
import { alarmIdOf } from "../../gateway/alarms/lifecycle.ts";
import type { Alarm, AlarmSignal, Severity } from "../../gateway/domain/alarm.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { type AlarmId, observationIdSchema, zoneIdSchema } from "../../gateway/domain/ids.ts";
import type { PushLog } from "../../gateway/ports/logs.ts";
import type { Channel, Delivery, PushMessage } from "../../gateway/ports/push.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryAlarmLog } from "./memory-logs.ts";
import { MemoryPushLog } from "./memory-push-log.ts";
import { countingTelemetry, quietLogger } from "./quiet.ts";

export interface Heard {
  readonly at: number;
  readonly channel: string;
  readonly message: PushMessage;
}

/** Short tiers, so that a test passes through all of them in minutes. */
export const shortPolicy: EscalationPolicy = {
  people: ["an", "bo", "head"].map((id) => ({ id, name: id })),
  groups: [
    { id: "duty", members: ["an", "bo"] },
    { id: "managers", members: ["head"] },
  ],
  tiers: {
    1: { to: ["duty"], channels: ["first", "second"], after: 0, unless: "acknowledged" },
    2: { to: ["managers"], channels: ["second"], after: 30_000, unless: "acknowledged" },
    3: { to: [], channels: [], after: 60_000, unless: "acknowledged" },
  },
  bySeverity: {
    critical: { upTo: 3, after: { 2: 20_000 }, repeatEvery: 12_000 },
    major: { upTo: 3, after: {} },
    minor: { upTo: 2, after: {} },
    warning: { upTo: 1, after: {} },
  },
  coolDown: 8000,
  timeZone: "Asia/Shanghai",
};

/** One life of the process: after `deadAfter` acts on the outside it does nothing more, as after kill -9. */
class Life {
  #acts = 0;
  readonly #deadAfter: number;

  constructor(deadAfter: number) {
    this.#deadAfter = deadAfter;
  }

  get dead(): boolean {
    return this.#acts >= this.#deadAfter;
  }

  act<T>(work: () => T): T {
    if (this.dead) throw new GatewayError("LOG_CLOSED", "this process is dead");
    const done = work();
    this.#acts += 1;
    return done;
  }
}

/** A desk, a push log and channels that outlive the escalation, which can be killed between any two of its acts. */
export class PushBench {
  readonly clock = new ManualClock();
  readonly alarmLog = new MemoryAlarmLog(this.clock);
  readonly desk: FusionDesk = createAlarmDesk({
    log: this.alarmLog,
    clock: this.clock,
    telemetry: countingTelemetry(),
  });
  readonly pushLog: MemoryPushLog;
  readonly heard: Heard[] = [];
  readonly telemetry = countingTelemetry();
  kills = 0;
  policy: EscalationPolicy;
  /** What a channel answers; absent: it takes the push. */
  answer: (channel: string, message: PushMessage) => Delivery | Promise<Delivery> = () => ({ ok: true, receipt: "ok" });
  #life = new Life(Number.POSITIVE_INFINITY);
  #running: Escalation | undefined;
  #minted = 0;

  constructor(policy: EscalationPolicy = shortPolicy, pushLog = new MemoryPushLog()) {
    this.policy = policy;
    this.pushLog = pushLog;
  }

  /** `deadAfter`: it is killed right after so many writes and pushes of its own. */
  start(deadAfter = Number.POSITIVE_INFINITY): void {
    const life = new Life(deadAfter);
    this.#life = life;
    const { desk, clock } = this;
    const log = this.pushLog;
    const fenced: PushLog = {
      record: (decided) => life.act(() => log.record(decided)),
      tried: (id, attempt) => life.act(() => log.tried(id, attempt)),
      settle: (...args) => life.act(() => log.settle(...args)),
      forget: (id) => life.act(() => log.forget(id)),
      tellings: () => log.tellings(),
      unsettled: () => log.unsettled(),
      firstTierSince: (at) => log.firstTierSince(at),
    };
    this.#running = startEscalation({
      desk: {
        ...desk,
        escalate: (id, tier, detail) => life.act(() => desk.escalate(id, tier, detail)),
        onTransitions: (listener) => desk.onTransitions((batch) => (life.dead ? undefined : listener(batch))),
      },
      log: fenced,
      policy: this.policy,
      channels: ["first", "second"].map((id) => this.#channel(id, life)),
      clock: {
        now: () => clock.now(),
        wall: () => clock.wall(),
        quality: () => clock.quality(),
        after: (ms, call) => clock.after(ms, () => (life.dead ? undefined : call())),
      },
      logger: quietLogger,
      telemetry: this.telemetry,
      random: () => 0.5,
      title: ({ explanation }) => explanation,
    });
  }

  /** Ends it in an orderly way. */
  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  /** Lets time pass; where the process died on the way another one begins at once, with `nextLife` acts to live. */
  async pass(ms: number, nextLife: () => number = () => Number.POSITIVE_INFINITY): Promise<void> {
    await this.#revive(nextLife);
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(left, 500));
      await this.#revive(nextLife);
    }
  }

  raise(subject: string, severity: Severity, zone = "b3"): AlarmId {
    this.#minted += 1;
    const opened = this.desk.open().find((alarm) => alarm.subject === subject);
    const openedBy = observationIdSchema.parse(`o${this.#minted}`);
    const signal: AlarmSignal = {
      type: "raise",
      ...{ subject, severity, zoneId: zoneIdSchema.parse(zone), openedBy, causes: [openedBy] },
      certainty: "observed",
      explanation: { zh: `${subject}有警情`, en: `${subject} alarms` },
    };
    this.desk.take([{ rule: "fire", wallAt: this.#wallAt(), signal }]);
    return opened?.id ?? alarmIdOf("fire", subject, openedBy);
  }

  clear(subject: string): void {
    this.desk.take([{ rule: "fire", wallAt: this.#wallAt(), signal: { type: "clear", subject } }]);
  }

  alarm(id: AlarmId): Alarm | undefined {
    return this.desk.get(id);
  }

  /** The tiers that were written into the alarm log, in order. */
  escalated(): string[] {
    return this.alarmLog.entries
      .filter(({ transition }) => transition.step === "escalated")
      .map(({ transition }) => `${transition.subject} ${transition.tier} ${transition.at}`);
  }

  async #revive(nextLife: () => number): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 4; turn += 1) {
        this.clock.advance(0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (!this.#life.dead) return;
      this.kills += 1;
      this.start(nextLife());
    }
  }

  #channel(id: string, life: Life): Channel {
    return {
      id,
      push: (message) => {
        if (life.dead) return new Promise(() => {});
        life.act(() => this.heard.push({ at: this.clock.now(), channel: id, message }));
        const answer = this.answer(id, message);
        return life.dead ? new Promise(() => {}) : Promise.resolve(answer);
      },
      close: () => Promise.resolve(),
    };
  }

  #wallAt(): string {
    return new Date(this.clock.wall()).toISOString();
  }
}
