import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { addToDays, type DayMean, gaugeAt20, lossPerDay } from "../pressure.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";

const params = z.strictObject({
  low: z
    .number()
    .min(0)
    .max(25)
    .default(1)
    .describe("MPa at 20 °C below which a unit has lost too much; 1.0 for units of 1.2 MPa."),
  leakBelow: z
    .number()
    .min(0)
    .max(25)
    .default(1.05)
    .describe("MPa at 20 °C below which a unit that loses pressure day by day is told, before it is low."),
  lasts: durationSchema
    .prefault("10m")
    .describe("It has to be low for so long: gas and sensor do not get warm at the same speed."),
});
type Params = z.infer<typeof params>;

/** Above `low` by this much, MPa, it is filled again. */
const hysteresisMpa = 0.02;

interface State {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly newest: ObservationId;
  readonly temperatureC?: number;
  readonly days: readonly DayMean[];
  /** The device's own bit. */
  readonly told: boolean;
  readonly low?: { readonly since: number; readonly by: ObservationId; readonly mpa: number | undefined };
  readonly raised?: "low" | "leak";
}

/**
 * An extinguisher that lost pressure, compared at 20 °C since gauge pressure follows the temperature: maintenance and no fire. A
 * slow leak is told before the unit is low, by the line through its daily means. A discharge is the fire rule's.
 */
export const pressureLow = defineRule<Params, State>({
  name: "pressure-low",
  title: { zh: "灭火装置压力不足", en: "Extinguisher pressure low" },
  params,
  kinds: ["thermal.reading", "extinguisher.state"],
  maxKeys: 10_000,
  keyOf: ({ deviceId }) => deviceId,

  step(state, input, { params, at, key, site }) {
    if (input.type !== "observation") {
      if (state === undefined) return {};
      return judge(state, at, params, key, site);
    }
    const { observation } = input;
    const { deviceId, zoneId, id } = observation;
    const before: State = { ...(state ?? { days: [], told: false }), deviceId, zoneId, newest: id };
    if (observation.kind === "extinguisher.state") {
      const { lowPressure, discharged } = observation.body;
      const told = lowPressure && !discharged;
      return judge(withLow({ ...before, told }, told, undefined, at, id, params), at, params, key, site);
    }
    if (observation.kind !== "thermal.reading") return state === undefined ? {} : { state };
    const { temperatureC = before.temperatureC, pressureMpa } = observation.body;
    const warm: State = temperatureC === undefined ? before : { ...before, temperatureC };
    // Without a temperature the pressure says nothing.
    if (pressureMpa === undefined || temperatureC === undefined) return judge(warm, at, params, key, site);
    const mpa = gaugeAt20(pressureMpa, temperatureC);
    const days = addToDays(warm.days, at, mpa);
    return judge(withLow({ ...warm, days }, warm.told, mpa, at, id, params), at, params, key, site);
  },
});

function withLow(
  state: State,
  told: boolean,
  mpa: number | undefined,
  at: number,
  id: ObservationId,
  params: Params,
): State {
  const { low, ...rest } = state;
  const known = mpa ?? low?.mpa;
  const limit = low === undefined ? params.low : params.low + hysteresisMpa;
  if (!told && (known === undefined || known >= limit)) return rest;
  return { ...rest, low: { since: low?.since ?? at, by: low?.by ?? id, mpa: known } };
}

function judge(state: State, at: number, params: Params, key: string, site: SiteView): RuleOutcome<State> {
  const { low, raised, told } = state;
  const dueAt = low === undefined ? undefined : told ? at : low.since + params.lasts;
  if (raised !== "low" && low !== undefined && dueAt !== undefined && dueAt <= at) {
    return { state: { ...state, raised: "low" }, signals: [lowSignal(state, low, key, site)] };
  }
  const wait = raised !== "low" && dueAt !== undefined ? { wakeAt: dueAt } : {};
  if (raised === "low") {
    if (low !== undefined) return { state, ...wait };
    const { raised: _, ...calm } = state;
    return { state: calm, signals: [cleared(state, key, site)] };
  }
  const today = state.days.at(-1);
  const mean = today === undefined ? undefined : today.sum / today.n;
  const loss = mean !== undefined && mean < params.leakBelow ? lossPerDay(state.days) : undefined;
  if (raised === undefined && loss !== undefined && mean !== undefined) {
    const inDays = Math.max(0, Math.round((mean - params.low) / loss));
    return { state: { ...state, raised: "leak" }, ...wait, signals: [leakSignal(state, mean, inDays, key, site)] };
  }
  if (raised === "leak" && mean !== undefined && mean > params.leakBelow + hysteresisMpa) {
    const { raised: _, ...calm } = state;
    return { state: calm, ...wait, signals: [cleared(state, key, site)] };
  }
  return { state, ...wait };
}

const placeOf = ({ deviceId, zoneId }: State, site: SiteView) =>
  `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}`;

function lowSignal(state: State, { by, mpa }: NonNullable<State["low"]>, key: string, site: SiteView): AlarmSignal {
  const where = placeOf(state, site);
  const value = mpa === undefined ? undefined : mpa.toFixed(2);
  return {
    type: "raise",
    subject: key,
    zoneId: state.zoneId,
    openedBy: by,
    severity: "minor",
    certainty: "observed",
    causes: [by],
    explanation: {
      zh: `${where}：灭火装置压力不足${value === undefined ? "" : `（折算20°C为${value} MPa）`}，可能无法灭火。请安排充装或更换。`,
      en: `${where}: the extinguisher has lost pressure${value === undefined ? "" : ` (${value} MPa at 20 °C)`} and may not put a fire out. Have it refilled or replaced.`,
    },
  };
}

function leakSignal(state: State, mpa: number, inDays: number, key: string, site: SiteView): AlarmSignal {
  const where = placeOf(state, site);
  return {
    type: "raise",
    subject: key,
    zoneId: state.zoneId,
    openedBy: state.newest,
    severity: "warning",
    certainty: "likely",
    causes: [state.newest],
    explanation: {
      zh: `${where}：灭火装置在缓慢漏气，折算20°C为${mpa.toFixed(2)} MPa，预计${inDays}天后压力不足。请安排检修。`,
      en: `${where}: the extinguisher leaks slowly: ${mpa.toFixed(2)} MPa at 20 °C, too low in about ${inDays} day${inDays === 1 ? "" : "s"}. Have it looked at.`,
    },
  };
}

function cleared(state: State, key: string, site: SiteView): AlarmSignal {
  const name = site.deviceName(state.deviceId);
  const explanation = { zh: `${name}：压力已恢复。`, en: `${name}: the pressure is back.` };
  return { type: "clear", subject: key, explanation };
}
