import { z } from "zod";
import type { AlarmSignal, Certainty } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import type { Observation, ObservationKind } from "../../domain/observation.ts";
import { heatClasses, heatResponse } from "../heat-class.ts";
import { addGauge, emptyGauge, type Gauge } from "../pressure.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";
import {
  addDoubting,
  addSample,
  type Doubtful,
  emptyTrend,
  jumped,
  riseAbove,
  slopePerMinute,
  type Trend,
} from "../trend.ts";

const params = z.strictObject({
  heatClass: z
    .enum(heatClasses)
    .default("A1R")
    .describe(
      "Class of EN 54-5 / GB 4716 that the temperature is judged by: B and on for hot places, S for kitchens and boiler rooms, where a fast rise is no fire.",
    ),
  staticThreshold: z
    .number()
    .min(40)
    .max(200)
    .optional()
    .describe("°C at which it is a fire however slowly it came; without it that of the class, 58 for A1 and A2."),
  rateOfRise: z
    .number()
    .min(3)
    .max(60)
    .default(8.3)
    .describe("K/min over 30 s that is a fire once it has risen by minRise, in classes with an R."),
  minRise: z
    .number()
    .min(5)
    .max(40)
    .optional()
    .describe(
      "K above the lowest of the last quarter of an hour before the rate counts; without it 10 for class A1R, 20 for the others.",
    ),
  confirm: durationSchema
    .refine((ms) => ms >= 1000 && ms <= 10_000, "1s to 10s")
    .prefault("3s")
    .describe("A temperature that came in one impossible step counts when it has stood so long, or was read twice."),
});
type Params = z.infer<typeof params>;

interface State {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly trend: Trend;
  readonly doubtful?: Doubtful<ObservationId> | undefined;
  /** By the unit's own bit or contact. */
  readonly discharged: boolean;
  readonly gauge?: Gauge | undefined;
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
 * Fire at one extinguisher or detector: the temperature passes the static threshold, or rises fast enough and far enough, or the
 * unit has discharged (it says so, or its pressure falls by half within half a minute), or a panel, a detector or a call point says fire. Each sign alone raises, since a listed detector's own
 * word is never dropped; two kinds of signs make it observed. A discharge where it is known to be cool is major and possible
 * until heat is seen: a bulb that was knocked off. It latches: a person has to look and close it. Sources: EN 54-5:2000 and
 * GB 4716-2005 (classes, response times), UL 521 (8.3 K/min); a discharge needs physical inspection (OPC UA Part 9, LatchedState).
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
    if (input.type === "wake" && state?.doubtful !== undefined) {
      // Nothing has contradicted it since: a device that reports changes only has nothing new to say.
      const { at: sampledAt, c, with: cause } = state.doubtful;
      const believed: State = { ...state, trend: addSample(state.trend, sampledAt, c), doubtful: undefined };
      const panelFire = state.open?.why.includes("panel") ?? false;
      return judge(
        believed,
        state.open,
        signs(believed, params, panelFire, state.open?.why ?? []),
        c,
        cause,
        key,
        site,
      );
    }
    if (input.type !== "observation" || !isFireInput(input.observation)) return state === undefined ? {} : { state };
    const { observation } = input;
    let trend = state?.trend ?? emptyTrend;
    let doubtful = state?.doubtful;
    let discharged = state?.discharged ?? false;
    let panelFire = state?.open?.why.includes("panel") ?? false;
    if (observation.kind === "thermal.reading" && observation.body.temperatureC !== undefined) {
      const sample = { at, c: observation.body.temperatureC, with: observation.id };
      ({ trend, doubtful } = addDoubting(trend, doubtful, sample));
    }
    let gauge = state?.gauge;
    if (observation.kind === "thermal.reading" && observation.body.pressureMpa !== undefined) {
      gauge = addGauge(gauge ?? emptyGauge, at, observation.body.pressureMpa);
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
    const { deviceId, zoneId } = observation;
    const base: State = { deviceId, zoneId, trend, doubtful, discharged, gauge, told };
    const why = signs(base, params, panelFire, state?.open?.why ?? []);
    const outcome = judge(base, state?.open, why, now, observation.id, key, site, says(observation));
    return doubtful === undefined ? outcome : { ...outcome, wakeAt: doubtful.at + params.confirm };
  },
});

function isFireInput(observation: { kind: string }): boolean {
  return kinds.some((kind) => kind === observation.kind);
}

/**
 * A device says fire in so many words. Each time is told, though the same sign stands already: a person may have closed the alarm
 * in between, and what ended the last one may never have been heard.
 */
function says(observation: Observation): boolean {
  switch (observation.kind) {
    case "panel.event":
      return observation.body.event === "fire";
    case "fire.detected":
    case "contact.state":
      return observation.body.active;
    case "extinguisher.state":
      return observation.body.discharged;
    default:
      return false;
  }
}

/** The signs of fire that stand now. Heat once seen stands until it has fallen by the hysteresis. */
function signs(
  { trend, discharged, gauge, told }: State,
  params: Params,
  panel: boolean,
  before: readonly Why[],
): Why[] {
  const out: Why[] = [];
  const now = trend.samples.at(-1)?.c;
  if (now !== undefined) {
    const response = heatResponse(params.heatClass);
    const threshold = params.staticThreshold ?? response.thresholdC;
    const hot = now >= threshold;
    const stillHot = before.includes("static") && now > threshold - hysteresisK;
    if (hot || stillHot) out.push("static");
    const minRise = response.minRiseK === undefined ? Number.POSITIVE_INFINITY : (params.minRise ?? response.minRiseK);
    const fast = slopePerMinute(trend) >= params.rateOfRise && riseAbove(trend) >= minRise;
    const stillRisen = before.includes("rate") && riseAbove(trend) > minRise / 2;
    if (fast || stillRisen) out.push("rate");
  }
  if (discharged || gauge?.fellFrom !== undefined) out.push("discharge");
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
  saidAgain = false,
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
  if (open !== undefined && !added && !hotter && !saidAgain) return { state: { ...base, open: { ...open, why } } };
  const by = open?.by ?? cause;
  const signal: AlarmSignal = {
    type: "raise",
    subject: key,
    zoneId: base.zoneId,
    openedBy: by,
    severity: isColdDischarge(why, base) ? "major" : "critical",
    certainty: certaintyOf(why, base),
    latched: true,
    causes,
    explanation: explain(base, why, nowC, site),
  };
  return { state: { ...base, open: { by, why, toldC: nowC, causes } }, signals: [signal] };
}

/** Bulbs burst at 57 °C and more: below this, °C, and not rising, something else let the powder out. */
const coolC = 45;

function isColdDischarge(why: readonly Why[], { trend }: Pick<State, "trend">): boolean {
  const now = trend.samples.at(-1)?.c;
  const alone = why.length === 1 && why[0] === "discharge";
  return alone && now !== undefined && now < coolC && slopePerMinute(trend) < 3;
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
  if (isColdDischarge(why, { trend })) return "possible";
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
