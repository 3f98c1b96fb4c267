import { z } from "zod";
import type { AlarmSignal, Certainty } from "../../domain/alarm.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import type { Observation, ObservationKind } from "../../domain/observation.ts";
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
  /** What a detector or a call point says by itself, and how. */
  readonly told?: { readonly why: "detector" | "call-point"; readonly sensor: Sensor } | undefined;
  readonly open?: {
    readonly by: ObservationId;
    readonly why: readonly Why[];
    readonly toldC: number | undefined;
    readonly causes: readonly ObservationId[];
  };
}

type Why = "static" | "rate" | "discharge" | "panel" | "detector" | "call-point";
type Sensor = Extract<Observation, { kind: "fire.detected" }>["body"]["sensor"];

/** Dry contacts that mean fire, by the role that the configuration gives them. */
const contactSigns: ReadonlyMap<string, "discharge" | "call-point" | "detector"> = new Map([
  ["discharge", "discharge"],
  ["call-point", "call-point"],
  ["fire", "detector"],
]);

const kinds = [
  "thermal.reading",
  "extinguisher.state",
  "panel.event",
  "fire.detected",
  "contact.state",
] as const satisfies readonly ObservationKind[];

/** Sensors whose word alone is usually steam, dust or light. */
const weakAlone: ReadonlySet<Sensor> = new Set(["smoke", "camera", "unknown"]);

/** Below the threshold by this much, K, the heat counts as gone. */
const hysteresisK = 8;
/** While open it is told again each time it got hotter by this much, K. */
const tellAgainK = 20;

/**
 * Fire at one extinguisher or detector: the temperature passes the static threshold, or rises fast enough and far
 * enough, or the unit has discharged, or a panel, a detector or a call point says fire. Each sign alone
 * raises, since a listed detector's own word is never dropped; heat and discharge together make it observed. It latches: a person has to look and close it. Sources: EN 54-5:2000 and GB 4716-2005 (classes, response
 * times), UL 521 (8.3 K/min); a discharge needs physical inspection (design note to OPC UA Part 9, LatchedState).
 */
export const fire = defineRule<Params, State>({
  name: "fire",
  title: { zh: "火警", en: "Fire" },
  params,
  kinds: [...kinds],
  maxKeys: 10_000,
  keyOf(observation) {
    if (observation.kind === "contact.state" && !contactSigns.has(observation.body.role ?? "")) return undefined;
    // What is told late or again is in the log, and no news.
    if (observation.kind === "fire.detected" && observation.body.delivery !== "live") return undefined;
    if (observation.kind !== "panel.event") return observation.deviceId;
    return `${observation.deviceId}/${observation.body.point ?? ""}`;
  },

  step(state, input, { params, at, key, site }) {
    if (input.type !== "observation" || !isFireInput(input.observation)) return state === undefined ? {} : { state };
    const { observation } = input;
    let trend = state?.trend ?? emptyTrend;
    let discharged = state?.discharged ?? false;
    let panelFire = state?.open?.why.includes("panel") ?? false;
    if (observation.kind === "thermal.reading" && observation.body.temperatureC !== undefined) {
      trend = addSample(trend, at, observation.body.temperatureC);
    }
    if (observation.kind === "extinguisher.state") discharged = observation.body.discharged;
    let told = state?.told;
    if (observation.kind === "fire.detected") {
      const { active, sensor } = observation.body;
      told = active ? { why: sensor === "call-point" ? "call-point" : "detector", sensor } : undefined;
    }
    if (observation.kind === "contact.state") {
      const sign = contactSigns.get(observation.body.role ?? "");
      const { active } = observation.body;
      if (sign === "discharge") discharged = active;
      else if (sign !== undefined) told = active ? { why: sign, sensor: "unknown" } : undefined;
    }
    if (observation.kind === "panel.event") {
      if (observation.body.event === "fire") panelFire = true;
      else if (observation.body.event === "normal" || observation.body.event === "reset") panelFire = false;
    }
    const now = trend.samples.at(-1)?.c;
    const base: State = { deviceId: observation.deviceId, zoneId: observation.zoneId, trend, discharged, told };
    const why = signs(base, params, panelFire, state?.open?.why ?? []);
    return judge(base, state?.open, why, now, observation.id, key, site);
  },
});

function isFireInput(observation: { kind: string }): boolean {
  return kinds.some((kind) => kind === observation.kind);
}

/** The signs of fire that stand now. Heat once seen stands until it has fallen by the hysteresis. */
function signs({ trend, discharged, told }: State, params: Params, panel: boolean, before: readonly Why[]): Why[] {
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
  if (told !== undefined) out.push(told.why);
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
    certainty: certaintyOf(why, base),
    latched: true,
    causes,
    explanation: explain(base, why, nowC, site),
  };
  return { state: { ...base, open: { by, why, toldC: nowC, causes } }, signals: [signal] };
}

/**
 * Two signs of different kinds are observed. Heat that came in one impossible step is only possible, and so is what a smoke
 * detector or a camera says alone: of 1.5 million smoke detectors one fire alarm in 5,000 was real (Fire Sci. & Tech. 2025 44(2):262).
 */
function certaintyOf(why: readonly Why[], { trend, told }: State): Certainty {
  const heat = why.includes("static") || why.includes("rate");
  const kinds = new Set(why.map((each) => (each === "static" || each === "rate" ? "heat" : each)));
  if (kinds.size > 1) return "observed";
  if (heat) return jumped(trend) ? "possible" : "likely";
  return why.includes("detector") && told !== undefined && weakAlone.has(told.sensor) ? "possible" : "likely";
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
    detector: `${sensorNames[state.told?.sensor ?? "unknown"].zh}报火警`,
    "call-point": "手动报警按钮被按下",
  };
  const en = {
    static: `it is ${c} °C`,
    rate: `it rises by ${rate} K a minute and is now ${c} °C`,
    discharge: "the extinguisher has discharged",
    panel: "the fire panel reports fire",
    detector: `${sensorNames[state.told?.sensor ?? "unknown"].en} reports fire`,
    "call-point": "the manual call point was pressed",
  };
  const where = `${site.zoneName(state.zoneId)} ${site.deviceName(state.deviceId)}`;
  return {
    zh: `${where}：${why.map((w) => zh[w]).join("，")}。请立即组织疏散并派人到场核实，确认后拨打119。`,
    en: `${where}: ${why.map((w) => en[w]).join(", ")}. Evacuate, send someone to see, and call 119 once it is confirmed.`,
  };
}

const sensorNames: Readonly<Record<Sensor, { readonly zh: string; readonly en: string }>> = {
  smoke: { zh: "感烟探测器", en: "the smoke detector" },
  heat: { zh: "感温探测器", en: "the heat detector" },
  flame: { zh: "火焰探测器", en: "the flame detector" },
  camera: { zh: "摄像机", en: "the camera" },
  "call-point": { zh: "手动报警按钮", en: "the manual call point" },
  unknown: { zh: "探测器", en: "the detector" },
};
