import type { z } from "zod";
import type { AlarmSignal, Bilingual, Certainty, Severity } from "../domain/alarm.ts";
import type { ObservationId } from "../domain/ids.ts";
import type { Observation, ObservationKind } from "../domain/observation.ts";
import { defineRule, type Rule, type SiteView } from "./rule.ts";

/** A condition that one device tells by itself: it is there, it is gone, or the observation says nothing of it. */
export interface Condition<P> {
  readonly name: string;
  readonly title: Bilingual;
  readonly params: z.ZodType<P>;
  readonly kinds: readonly ObservationKind[];
  readonly severity: Severity;
  readonly certainty: Certainty;
  /** A person has to look, even when it is gone. */
  readonly latched?: boolean;
  keyOf(observation: Observation): string | undefined;
  level(observation: Observation): boolean | undefined;
  /** It has to last so long before it is an alarm, ms; 0 where it is one at once. */
  lastsMs(params: P, observation: Observation): number;
  told(observation: Pick<Observation, "deviceId" | "zoneId">, site: SiteView): Bilingual;
  over(observation: Pick<Observation, "deviceId" | "zoneId">, site: SiteView): Bilingual;
}

interface State {
  readonly by: ObservationId;
  /** When it becomes an alarm, virtual time ms. */
  readonly dueAt: number;
  readonly raised: boolean;
  readonly deviceId: Observation["deviceId"];
  readonly zoneId: Observation["zoneId"];
}

/** The rule of a condition: raised when it has lasted, told to be over when the device says so, counted while it is open. */
export function conditionRule<P>(condition: Condition<P>): Rule {
  const { name, title, params, kinds, severity, certainty, latched } = condition;
  return defineRule<P, State>({
    name,
    title,
    params,
    kinds,
    maxKeys: 10_000,
    keyOf: (observation) => condition.keyOf(observation),

    step(state, input, { params, at, key, site }) {
      const raise = (there: State, cause = there.by): AlarmSignal => ({
        type: "raise",
        subject: key,
        zoneId: there.zoneId,
        openedBy: there.by,
        severity,
        certainty,
        ...(latched === true ? { latched } : {}),
        causes: [cause],
        explanation: condition.told(there, site),
      });
      if (input.type !== "observation") {
        if (state === undefined || state.raised) return state === undefined ? {} : { state };
        const raised: State = { ...state, raised: true };
        return { state: raised, signals: [raise(raised)] };
      }
      const { observation } = input;
      const level = condition.level(observation);
      const dueAt = at + condition.lastsMs(params, observation);
      if (level === undefined || (level && state !== undefined)) {
        if (state === undefined) return {};
        // Said again it is told again: a person may have closed the alarm, and the end of the last one may never have been heard.
        if (state.raised) return level === true ? { state, signals: [raise(state, observation.id)] } : { state };
        // Another sign of it may be one at once.
        const sooner: State = level === true && dueAt < state.dueAt ? { ...state, dueAt, raised: dueAt <= at } : state;
        return sooner.raised ? { state: sooner, signals: [raise(sooner)] } : { state: sooner, wakeAt: sooner.dueAt };
      }
      if (!level) {
        if (state?.raised !== true) return {};
        return { signals: [{ type: "clear", subject: key, explanation: condition.over(observation, site) }] };
      }
      const { id: by, deviceId, zoneId } = observation;
      const there: State = { by, dueAt, raised: dueAt <= at, deviceId, zoneId };
      return there.raised ? { state: there, signals: [raise(there)] } : { state: there, wakeAt: dueAt };
    },
  });
}
