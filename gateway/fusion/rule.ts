import type { z } from "zod";
import type { AlarmSignal, Bilingual } from "../domain/alarm.ts";
import type { DeviceId, ZoneId } from "../domain/ids.ts";
import type { Observation, ObservationKind } from "../domain/observation.ts";

/** What a rule may know of the site: names for its explanations, and which zone lies in which. */
export interface SiteView {
  deviceName(id: DeviceId): string;
  /** `face-terminal`, `throw-camera`, `thermal-extinguisher` … or undefined for one that is no longer configured. */
  driverOf(id: DeviceId): string | undefined;
  zoneName(id: ZoneId): string;
  /** The outermost zone around it: the building. Itself where it has no parent. */
  rootOf(id: ZoneId): ZoneId;
  /** Zones that the configuration names as its neighbours, at either of the two. */
  neighboursOf(id: ZoneId): readonly ZoneId[];
  /** The zone itself and all those inside it. */
  zonesIn(id: ZoneId): readonly ZoneId[];
  /** Configured devices of the zone and the zones inside it. */
  devicesIn(id: ZoneId): readonly DeviceId[];
  tagsOf(id: DeviceId): readonly string[];
  zoneOf(id: DeviceId): ZoneId | undefined;
}

/** An observation, the moment the rule asked to be woken at, or what a rule before it in the list has just said. */
export type RuleInput =
  | { readonly type: "observation"; readonly observation: Observation }
  | { readonly type: "wake" }
  | { readonly type: "signal"; readonly rule: string; readonly signal: AlarmSignal };

export interface RuleContext<P> {
  readonly params: P;
  readonly key: string;
  /** Virtual time, ms: the log time of the observation, or the deadline that was asked for. */
  readonly at: number;
  readonly site: SiteView;
}

export interface RuleOutcome<S> {
  /** A JSON value; absent ends the key. */
  readonly state?: S;
  readonly signals?: readonly AlarmSignal[];
  /** Virtual time at which to be woken; replaces an earlier wish, absent withdraws it. */
  readonly wakeAt?: number;
}

/**
 * A rule is a pure function over one keyed state: same log, same alarms. It reads no clock, draws no random number and
 * keeps nothing outside its state, since a restart and a replay go on from the state alone.
 */
export interface Rule<P = unknown, S = unknown> {
  readonly name: string;
  readonly title: Bilingual;
  /** Every parameter has a default that needs no tuning. */
  readonly params: z.ZodType<P>;
  readonly kinds: readonly ObservationKind[];
  /** At most so many keys are held; beyond, the one that was quiet longest is given up and counted. */
  readonly maxKeys: number;
  /** Which state an observation belongs to, or which several; undefined where the rule does not care. */
  keyOf(observation: Observation, site: SiteView, params: P): string | readonly string[] | undefined;
  /** Rules before it in the list whose signals it wants to hear; what it hears is at the same virtual time. */
  readonly hears?: readonly string[];
  /** Which states a signal belongs to. */
  keysOfSignal?(signal: AlarmSignal, rule: string, site: SiteView): readonly string[];
  step(state: S | undefined, input: RuleInput, context: RuleContext<P>): RuleOutcome<S>;
}

/** Keeps the rule's own types while it is written, and forgets them in the list of all rules. */
export function defineRule<P, S>(rule: Rule<P, S>): Rule {
  return rule as unknown as Rule;
}

/** A rule with its parameters, parsed. */
export interface ConfiguredRule {
  readonly rule: Rule;
  readonly params: unknown;
}

/** What came out of a rule, with the moment it holds for. */
export interface RuleSignal {
  readonly rule: string;
  /** Virtual time, ms. */
  readonly at: number;
  /** The same moment by the wall clock as the log knows it, ISO 8601. */
  readonly wallAt: string;
  readonly signal: AlarmSignal;
}
