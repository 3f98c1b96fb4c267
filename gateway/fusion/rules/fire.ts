import { z } from "zod";
import type { AlarmSignal, Certainty } from "../../domain/alarm.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";
import { addSample, emptyTrend, jumped, riseAbove, slopePerMinute, type Trend } from "../trend.ts";

const params = z.strictObject({
  staticThreshold: z
    .number()
    .min(40)
    .max(200)
    .default(58)
    .describe("°C at which it is a fire however slowly it came. 54–65 is class A1 of EN 54-5 / GB 4716."),
  rateOfRise: z
    .number()
    .min(3)
    .max(60)
    .default(8.3)
    .describe("K/min over 30 s that is a fire once it has risen by minRise."),
  minRise: z
    .number()
    .min(5)
    .max(40)
    .default(10)
    .describe(
      "K above the lowest of the last quarter of an hour before the rate counts: 10 for class A1R, 20 for A2R.",
    ),
});
type Params = z.infer<typeof params>;

interface State {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly trend: Trend;
  readonly discharged: boolean;
  readonly open?: {
    readonly by: ObservationId;
    readonly why: readonly Why[];
    readonly toldC: number | undefined;
    readonly causes: readonly ObservationId[];
  };
}

type Why = "static" | "rate" | "discharge" | "panel";

/** Below the threshold by this much, K, the heat counts as gone. */
const hysteresisK = 8;
/** While open it is told again each time it got hotter by this much, K. */
const tellAgainK = 20;

/**
 * Fire at one extinguisher or detector: the temperature passes the static threshold, or rises fast enough and far
 * enough, or the unit has discharged, or a panel says fire. Each sign alone raises; heat and discharge together make it
 * observed. It latches: a person has to look and close it. Sources: EN 54-5:2000 and GB 4716-2005 (classes, response
 * times), UL 521 (8.3 K/min); a discharge needs physical inspection (design note to OPC UA Part 9, LatchedState).
 */
export const fire = defineRule<Params, State>({
  name: "fire",
  title: { zh: "火警", en: "Fire" },
  params,
  kinds: ["thermal.reading", "extinguisher.state", "panel.event"],
  maxKeys: 10_000,
  keyOf(observation) {
    if (observation.kind !== "panel.event") return observation.deviceId;
    return `${observation.deviceId}/${observation.body.point ?? ""}`;
  },

  step(state, input, { params, at, key, site }) {
    if (input.type === "wake" || !isFireInput(input.observation)) return state === undefined ? {} : { state };
    const { observation } = input;
    let trend = state?.trend ?? emptyTrend;
    let discharged = state?.discharged ?? false;
    let panelFire = state?.open?.why.includes("panel") ?? false;
    if (observation.kind === "thermal.reading" && observation.body.temperatureC !== undefined) {
      trend = addSample(trend, at, observation.body.temperatureC);
    }
    if (observation.kind === "extinguisher.state") discharged = observation.body.discharged;
    if (observation.kind === "panel.event") {
      if (observation.body.event === "fire") panelFire = true;
      else if (observation.body.event === "normal" || observation.body.event === "reset") panelFire = false;
    }
    const now = trend.samples.at(-1)?.c;
    const base: State = { deviceId: observation.deviceId, zoneId: observation.zoneId, trend, discharged };
    const why = signs(trend, params, discharged, panelFire, state?.open?.why ?? []);
    return judge(base, state?.open, why, now, observation.id, key, site);
  },
});

function isFireInput(observation: { kind: string }): boolean {
  return ["thermal.reading", "extinguisher.state", "panel.event"].includes(observation.kind);
}

/** The signs of fire that stand now. Heat once seen stands until it has fallen by the hysteresis. */
function signs(trend: Trend, params: Params, discharged: boolean, panel: boolean, before: readonly Why[]): Why[] {
  const out: Why[] = [];
  const now = trend.samples.at(-1)?.c;
  if (now !== undefined) {
    const hot = now >= params.staticThreshold;
    const stillHot = before.includes("static") && now > params.staticThreshold - hysteresisK;
    if (hot || stillHot) out.push("static");
    const fast = slopePerMinute(trend) >= params.rateOfRise && riseAbove(trend) >= params.minRise;
    const stillRisen = before.includes("rate") && riseAbove(trend) > params.minRise / 2;
    if (fast || stillRisen) out.push("rate");
  }
  if (discharged) out.push("discharge");
  if (panel) out.push("panel");
  return out;
}

function judge(
  base: State,
  open: State["open"],
  why: readonly Why[],
  nowC: number | undefined,
  cause: ObservationId,
  key: string,
  site: SiteView,
): RuleOutcome<State> {
  if (why.length === 0) {
    if (open === undefined) return { state: base };
    const where = `${site.zoneName(base.zoneId)} ${site.deviceName(base.deviceId)}`;
    const c = nowC === undefined ? undefined : nowC.toFixed(1);
    const explanation = {
      zh: `${where}：火警信号已消失${c === undefined ? "" : `（现为${c}°C）`}。请到场确认后再关闭。`,
      en: `${where}: the signs of fire are gone${c === undefined ? "" : ` (it is ${c} °C now)`}. Look at the place before you close it.`,
    };
    return { state: base, signals: [{ type: "clear", subject: key, explanation }] };
  }
  const added = why.some((w) => !(open?.why ?? []).includes(w));
  const hotter = open?.toldC !== undefined && nowC !== undefined && nowC >= open.toldC + tellAgainK;
  const causes = [...(open?.causes ?? []), cause].slice(-16);
  if (open !== undefined && !added && !hotter) return { state: { ...base, open: { ...open, why } } };
  const by = open?.by ?? cause;
  const signal: AlarmSignal = {
    type: "raise",
    subject: key,
    zoneId: base.zoneId,
    openedBy: by,
    severity: "critical",
    certainty: certaintyOf(why, base.trend),
    latched: true,
    causes,
    explanation: explain(base, why, nowC, site),
  };
  return { state: { ...base, open: { by, why, toldC: nowC, causes } }, signals: [signal] };
}

/** Heat that came in one impossible step is only possible; heat with a discharge or a panel's word is observed. */
function certaintyOf(why: readonly Why[], trend: Trend): Certainty {
  const heat = why.includes("static") || why.includes("rate");
  const confirmed = why.includes("discharge") || why.includes("panel");
  if (heat && confirmed) return "observed";
  return heat && jumped(trend) ? "possible" : "likely";
}

function explain(
  state: State,
  why: readonly Why[],
  nowC: number | undefined,
  site: SiteView,
): { zh: string; en: string } {
  const c = nowC?.toFixed(1) ?? "?";
  const rate = slopePerMinute(state.trend).toFixed(0);
  const zh = {
    static: `温度达到${c}°C`,
    rate: `温度快速上升（每分钟${rate}°C，现为${c}°C）`,
    discharge: "灭火装置已喷放",
    panel: "火灾报警控制器报火警",
  };
  const en = {
    static: `it is ${c} °C`,
    rate: `it rises by ${rate} K a minute and is now ${c} °C`,
    discharge: "the extinguisher has discharged",
    panel: "the fire panel reports fire",
  };
  const where = `${site.zoneName(state.zoneId)} ${site.deviceName(state.deviceId)}`;
  return {
    zh: `${where}：${why.map((w) => zh[w]).join("，")}。请立即组织疏散并派人到场核实，确认后拨打119。`,
    en: `${where}: ${why.map((w) => en[w]).join(", ")}. Evacuate, send someone to see, and call 119 once it is confirmed.`,
  };
}
