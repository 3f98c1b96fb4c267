import type { AlarmSignal } from "../domain/alarm.ts";
import type { LoggedObservation, Observation, ObservationKind } from "../domain/observation.ts";
import type { FusionCheckpoint } from "../ports/logs.ts";
import type { ConfiguredRule, RuleInput, RuleOutcome, RuleSignal, SiteView } from "./rule.ts";
import { WakeQueue } from "./wake-queue.ts";

/** A keyed state as it stands in the log: `t` the number of the observation that touched it last, `w` its wish to be woken. */
interface Kept {
  s: unknown;
  t: number;
  w?: number;
}

export interface EngineOptions {
  readonly rules: readonly ConfiguredRule[];
  readonly site: SiteView;
  /** A rule threw: its event is lost to it, its state is as before, all else goes on. */
  readonly onRuleError: (rule: string, key: string, error: unknown, observation: Observation | undefined) => void;
  readonly onKeyEvicted?: (rule: string, key: string) => void;
}

/**
 * Runs the rules over the log on virtual time, without I/O. Time is the log time of the observations; between them
 * `advance` moves it. A wish that is due at or before an observation's time is served before it, at its own deadline:
 * so it makes no difference whether a tick or the next observation brought the time there, and a replay gives the same.
 */
export class FusionEngine {
  readonly #options: EngineOptions;
  readonly #byKind = new Map<ObservationKind, number[]>();
  /** By index of the rule that speaks: the rules after it that listen. */
  readonly #listeners: readonly (readonly number[])[];
  readonly #states: Map<string, Kept>[];
  readonly #wakes = new WakeQueue();
  readonly #dirty = new Map<string, { rule: number; key: string }>();
  #cursor = 0;
  #at = 0;
  /** Keys that the newest observation touched: it keeps their ages apart. */
  #touched = 0;
  /** Wall time at the newest observation, to date what happens between observations. */
  #anchor = { at: 0, wall: 0 };

  constructor(options: EngineOptions, from?: EngineStart) {
    this.#options = options;
    this.#states = options.rules.map(() => new Map());
    options.rules.forEach(({ rule }, index) => {
      for (const kind of rule.kinds) this.#byKind.set(kind, [...(this.#byKind.get(kind) ?? []), index]);
    });
    this.#listeners = options.rules.map(({ rule: speaker }, from) =>
      options.rules.flatMap(({ rule }, index) => (index > from && rule.hears?.includes(speaker.name) ? [index] : [])),
    );
    if (from !== undefined) this.#restore(from);
  }

  /** All observations up to here were taken in. */
  get cursor(): number {
    return this.#cursor;
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** When to call `advance` next, virtual time; undefined while no rule waits for time. */
  nextWake(): number | undefined {
    return this.#wakes.next();
  }

  /** Takes one observation in, after the wishes that are due before it. */
  observe(logged: LoggedObservation): RuleSignal[] {
    const out = this.#serveWakes(logged.at);
    const { observation, at, seq } = logged;
    this.#at = Math.max(this.#at, at);
    this.#anchor = { at, wall: Date.parse(observation.receivedAt) };
    this.#cursor = seq;
    this.#touched = 0;
    for (const index of this.#byKind.get(observation.kind) ?? []) {
      for (const key of this.#keysOf(index, observation))
        this.#run(index, key, { type: "observation", observation }, at, out);
    }
    return out;
  }

  /** Time passes without an observation. No later observation may have a log time before `at`. */
  advance(at: number): RuleSignal[] {
    const out = this.#serveWakes(at);
    this.#at = Math.max(this.#at, at);
    return out;
  }

  /** What changed since the last call that was confirmed by `saved`. */
  checkpoint(): FusionCheckpoint {
    const states = [...this.#dirty.values()].map(({ rule, key }) => {
      const kept = this.#states[rule]?.get(key);
      const name = this.#ruleAt(rule).rule.name;
      return kept === undefined ? { rule: name, key } : { rule: name, key, state: { ...kept } };
    });
    return { cursor: this.#cursor, at: this.#at, states };
  }

  /** The last checkpoint is durable. */
  saved(): void {
    this.#dirty.clear();
  }

  #restore(from: EngineStart): void {
    this.#cursor = from.cursor;
    this.#at = from.at;
    this.#anchor = from.anchor ?? { at: from.at, wall: from.at };
    const names = new Map(this.#options.rules.map(({ rule }, index) => [rule.name, index]));
    const kept = from.states.flatMap(({ rule, key, state }) => {
      const index = names.get(rule);
      return index !== undefined && isKept(state) ? [{ index, key, state }] : [];
    });
    for (const { index, key, state } of kept.sort((a, b) => a.state.t - b.state.t)) {
      this.#states[index]?.set(key, state);
      this.#wakes.set(index, key, state.w);
    }
  }

  #serveWakes(until: number): RuleSignal[] {
    const out: RuleSignal[] = [];
    for (let wake = this.#wakes.take(until); wake !== undefined; wake = this.#wakes.take(until)) {
      this.#run(wake.rule, wake.key, { type: "wake" }, wake.at, out);
    }
    return out;
  }

  #keysOf(index: number, observation: Observation): readonly string[] {
    const { rule, params } = this.#ruleAt(index);
    try {
      const keys = rule.keyOf(observation, this.#options.site, params) ?? [];
      return typeof keys === "string" ? [keys] : keys;
    } catch (error) {
      this.#options.onRuleError(rule.name, "", error, observation);
      return [];
    }
  }

  #run(index: number, key: string, input: RuleInput, at: number, out: RuleSignal[]): void {
    const { rule, params } = this.#ruleAt(index);
    const states = this.#states[index];
    if (states === undefined) return;
    const before = states.get(key);
    let outcome: RuleOutcome<unknown>;
    try {
      outcome = rule.step(before?.s, input, { params, key, at, site: this.#options.site });
    } catch (error) {
      this.#options.onRuleError(rule.name, key, error, input.type === "observation" ? input.observation : undefined);
      return;
    }
    // Only an observation makes a key young again: so no two keys of a rule are of the same age, in any run.
    if (input.type === "observation" || outcome.state === undefined) states.delete(key);
    if (outcome.state !== undefined) {
      const kept: Kept = {
        s: outcome.state,
        t: input.type === "observation" ? this.#ageOfTouch() : (before?.t ?? this.#ageOfTouch()),
      };
      if (outcome.wakeAt !== undefined) kept.w = outcome.wakeAt;
      states.set(key, kept);
      if (states.size > rule.maxKeys) this.#evictQuietest(index, states);
    }
    this.#wakes.set(index, key, outcome.state === undefined ? undefined : outcome.wakeAt);
    if (before !== undefined || outcome.state !== undefined) this.#dirty.set(`${index}\n${key}`, { rule: index, key });
    for (const signal of outcome.signals ?? []) {
      out.push(this.#dated(rule.name, at, signal));
      this.#tellListeners(index, signal, at, out);
    }
  }

  #tellListeners(speaker: number, signal: AlarmSignal, at: number, out: RuleSignal[]): void {
    const { name } = this.#ruleAt(speaker).rule;
    for (const index of this.#listeners[speaker] ?? []) {
      const { rule } = this.#ruleAt(index);
      let keys: readonly string[] = [];
      try {
        keys = rule.keysOfSignal?.(signal, name, this.#options.site) ?? [];
      } catch (error) {
        this.#options.onRuleError(rule.name, "", error, undefined);
      }
      for (const key of keys) this.#run(index, key, { type: "signal", rule: name, signal }, at, out);
    }
  }

  /** The number of the newest observation; those that it touched after the first are a little younger. */
  #ageOfTouch(): number {
    const age = this.#cursor + this.#touched / 2 ** 20;
    this.#touched += 1;
    return age;
  }

  #evictQuietest(index: number, states: Map<string, Kept>): void {
    const quietest = states.keys().next().value;
    if (quietest === undefined) return;
    states.delete(quietest);
    this.#wakes.set(index, quietest, undefined);
    this.#dirty.set(`${index}\n${quietest}`, { rule: index, key: quietest });
    this.#options.onKeyEvicted?.(this.#ruleAt(index).rule.name, quietest);
  }

  #dated(rule: string, at: number, signal: AlarmSignal): RuleSignal {
    const wall = this.#anchor.wall + (at - this.#anchor.at);
    return { rule, at, wallAt: new Date(wall).toISOString(), signal };
  }

  #ruleAt(index: number): ConfiguredRule {
    const configured = this.#options.rules[index];
    if (configured === undefined) throw new RangeError(`no rule ${index}`);
    return configured;
  }
}

/** Where an engine goes on from: a checkpoint, and the times of the observation at its cursor. */
export interface EngineStart {
  readonly cursor: number;
  readonly at: number;
  readonly states: readonly StoredState[];
  readonly anchor?: { readonly at: number; readonly wall: number };
}

interface StoredState {
  readonly rule: string;
  readonly key: string;
  readonly state: unknown;
}

function isKept(value: unknown): value is Kept {
  return typeof value === "object" && value !== null && "s" in value && "t" in value && typeof value.t === "number";
}
