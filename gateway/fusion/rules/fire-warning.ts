import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { addPoint, type Course, emptyCourse, type Forecast, forecast } from "../forecast.ts";
import { heatClasses, heatResponse } from "../heat-class.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";

const params = z.strictObject({
  heatClass: z.enum(heatClasses).default("A1R").describe("Class of EN 54-5 / GB 4716; as for the rule `fire`."),
  staticThreshold: z
    .number()
    .min(40)
    .max(200)
    .optional()
    .describe("°C that is forecast; as for the rule `fire`, without it that of the class."),
  leastRate: z
    .number()
    .min(2.5)
    .max(30)
    .default(3)
    .describe("K/min that the rise surely has: the sun on a roof and a charging cabinet stay below 2."),
  within: durationSchema.prefault("5m").describe("It is told when the threshold will be reached within this time."),
});
type Params = z.infer<typeof params>;

/** Below the threshold by more than this, K, nothing is told yet: 22 in classes with an R, 8 in the others (Panasonic EBL128, p. 99). */
const tellBelowK = { rising: 22, fixed: 8 } as const;
/** The course has to be known for so long. */
const leastKnownMs = 60_000;
/** A device that reports changes only and is silent for so long has not changed. */
const settledMs = 60_000;
/** Slower than this, K/min, it rises no more. */
const overK = 1;

interface State {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly newest: ObservationId;
  readonly course: Course;
  readonly open?: { readonly by: ObservationId };
  /** The fire rule has raised: that is more than a warning. */
  readonly burning: boolean;
}

/**
 * 提前预警: it gets hotter so steadily that it will be a fire alarm within minutes. The line through the last two minutes is
 * extended to the threshold, with the uncertainty of its slope. It is over when the fire is there, or when it rises no more.
 */
export const fireWarning = defineRule<Params, State>({
  name: "fire-warning",
  title: { zh: "火情提前预警", en: "Early warning of fire" },
  params,
  kinds: ["thermal.reading"],
  maxKeys: 10_000,
  keyOf: ({ deviceId }) => deviceId,
  hears: ["fire"],
  keysOfSignal: ({ subject }) => [subject],

  step(state, input, { params, at, key, site }) {
    if (input.type === "signal") {
      if (state === undefined) return {};
      const burning = input.signal.type === "raise";
      const { open, ...calm } = state;
      if (!burning || open === undefined) return { state: { ...state, burning } };
      const explanation = { zh: "已升级为火警。", en: "It has become a fire alarm." };
      return { state: { ...calm, burning }, signals: [{ type: "clear", subject: key, explanation }] };
    }
    if (input.type === "wake") {
      const last = state?.course.points.at(-1);
      if (state === undefined || last === undefined) return {};
      return judge({ ...state, course: addPoint(state.course, at, last.c) }, at, params, key, site);
    }
    const { observation } = input;
    if (observation.kind !== "thermal.reading" || observation.body.temperatureC === undefined) {
      return state === undefined ? {} : { state };
    }
    const { deviceId, zoneId, id } = observation;
    const course = addPoint(state?.course ?? emptyCourse, at, observation.body.temperatureC);
    const open = state?.open === undefined ? {} : { open: state.open };
    const next: State = { deviceId, zoneId, newest: id, course, burning: state?.burning ?? false, ...open };
    return judge(next, at, params, key, site);
  },
});

function judge(state: State, at: number, params: Params, key: string, site: SiteView): RuleOutcome<State> {
  const { thresholdC, minRiseK } = heatResponse(params.heatClass);
  const threshold = params.staticThreshold ?? thresholdC;
  const nowC = state.course.points.at(-1)?.c ?? Number.NEGATIVE_INFINITY;
  const seen = forecast(state.course, threshold, leastKnownMs);
  if (state.open !== undefined) {
    // A jump that ended the course, or a rise that ended.
    if (seen !== undefined && seen.slopePerMinute >= overK) return { state, wakeAt: at + settledMs };
    const { open: _, ...calm } = state;
    const name = site.deviceName(state.deviceId);
    const c = nowC.toFixed(1);
    const explanation = {
      zh: `${name}：温度不再上升（现为${c}°C）。`,
      en: `${name}: it rises no more (it is ${c} °C).`,
    };
    return { state: calm, signals: [{ type: "clear", subject: key, explanation }] };
  }
  const near = nowC >= threshold - (minRiseK === undefined ? tellBelowK.fixed : tellBelowK.rising);
  const sure = seen !== undefined && seen.slopePerMinute - 2 * seen.standardError >= params.leastRate;
  if (state.burning || !near || !sure || nowC >= threshold || seen.likelyS * 1000 > params.within) return { state };
  return {
    state: { ...state, open: { by: state.newest } },
    wakeAt: at + settledMs,
    signals: [warning(state, seen, nowC, threshold, key, site)],
  };
}

function warning(
  { deviceId, zoneId, newest }: State,
  { slopePerMinute, soonestS, latestS }: Forecast,
  nowC: number,
  threshold: number,
  key: string,
  site: SiteView,
): AlarmSignal {
  const where = `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}`;
  const [rate, c] = [slopePerMinute.toFixed(1), nowC.toFixed(1)];
  const [from, to] = [soonestS, latestS].map((seconds) => (seconds / 60).toFixed(1));
  return {
    type: "raise",
    subject: key,
    zoneId,
    openedBy: newest,
    severity: "major",
    certainty: "possible",
    causes: [newest],
    explanation: {
      zh: `${where}：温度持续上升，每分钟${rate}°C，现为${c}°C，预计${from}至${to}分钟后达到${threshold}°C。请立即派人查看，做好灭火准备。`,
      en: `${where}: it rises steadily by ${rate} K a minute, is ${c} °C, and will be ${threshold} °C in ${from} to ${to} minutes. Send someone at once, ready to put it out.`,
    },
  };
}
