import { z } from "zod";
import type { AlarmSignal, Certainty } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";
import { agree, mayBeSame, type Origin, originOf, tellOrigin } from "../throw-origin.ts";

const params = z.strictObject({
  window: durationSchema
    .prefault("15s")
    .describe(
      "Reports from cameras of one building within this time of each other are taken for one throw. A light object falls for up to 15 s from 30 floors.",
    ),
  weakBelow: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe(
      "A report with a confidence below this is weak: it is held until a second camera sees it too, since birds, rain and leaves make many of them.",
    ),
  repeatWithin: durationSchema.prefault("30d").describe("Throws from one floor within this time are counted."),
  repeats: z
    .number()
    .int()
    .min(2)
    .max(20)
    .default(3)
    .describe("So many throws from one floor within that time make each further one critical."),
});
type Params = z.infer<typeof params>;

interface Throw {
  /** Absent while it is held below the alarm. */
  readonly by?: ObservationId;
  readonly zoneId: ZoneId;
  readonly until: number;
  readonly cameras: readonly DeviceId[];
  readonly reports: number;
  readonly causes: readonly ObservationId[];
  readonly certainty: Certainty;
  readonly origin: Origin;
  /** Earlier throws from there. */
  readonly before: number;
}

/** Of one building. */
interface State {
  readonly now?: Throw;
  /** Located throws of the last days, oldest first. */
  readonly past: readonly { readonly at: number; readonly origin: Origin }[];
}

const mostPast = 64;

/**
 * One throw is seen by several cameras and in several frames: reports of one building that follow each other closely are one
 * alarm, and a second camera makes it observed. Each throw is an alarm of its own. Where it came from is told by the agreement
 * of the located reports; a floor from which things keep coming raises the severity. It returns by itself when the window is
 * over, since there is nothing left to see; a person still has to close it. Duty to act: Civil Code art. 1254.
 */
export const thrownObject = defineRule<Params, State>({
  name: "thrown-object",
  title: { zh: "高空抛物", en: "Object thrown from height" },
  params,
  kinds: ["throw.detected"],
  maxKeys: 10_000,
  keyOf: (observation, site) =>
    observation.kind === "throw.detected" && observation.body.delivery === "live"
      ? site.rootOf(observation.zoneId)
      : undefined,

  step(state, input, { params, at, key, site }) {
    if (input.type !== "observation") return over(state, at, params, key, site);
    const { observation } = input;
    if (observation.kind !== "throw.detected") return state === undefined ? {} : { state };
    const past = (state?.past ?? []).filter((each) => each.at > at - params.repeatWithin);
    const now = state?.now;
    const { confidence, origin: reported } = observation.body;
    const weak = confidence !== undefined && confidence < params.weakBelow;
    const cameras = [...new Set([...(now?.cameras ?? []), observation.deviceId])].slice(0, 16);
    const located = reported === undefined ? {} : originOf(reported);
    const origin = now === undefined ? located : agree(now.origin, located).origin;
    const certainty: Certainty = cameras.length > 1 ? "observed" : weak ? (now?.certainty ?? "possible") : "likely";
    const raised = now?.by !== undefined || !weak || cameras.length > 1;
    const next: Throw = {
      ...(raised ? { by: now?.by ?? now?.causes[0] ?? observation.id } : {}),
      zoneId: now?.zoneId ?? observation.zoneId,
      until: at + params.window,
      cameras,
      reports: (now?.reports ?? 0) + 1,
      causes: [...(now?.causes ?? []), observation.id].slice(-16),
      certainty,
      origin,
      before: past.filter((each) => mayBeSame(each.origin, origin)).length,
    };
    const kept: RuleOutcome<State> = { state: { now: next, past }, wakeAt: next.until };
    const news =
      now?.by === undefined ||
      cameras.length > now.cameras.length ||
      certainty !== now.certainty ||
      JSON.stringify(origin) !== JSON.stringify(now.origin);
    if (next.by === undefined || !news) return kept;
    return { ...kept, signals: [raiseFor(next, next.by, params, key, site)] };
  },
});

/** The window is over. A throw that was held until now was none. */
function over(state: State | undefined, at: number, params: Params, key: string, site: SiteView): RuleOutcome<State> {
  const now = state?.now;
  const kept = (state?.past ?? []).filter((each) => each.at > at - params.repeatWithin);
  const past =
    now?.by !== undefined && now.origin.floor !== undefined
      ? [...kept, { at, origin: now.origin }].slice(-mostPast)
      : kept;
  // The past is looked at with the next throw, and given up when none came for so long.
  const oldest = past.at(-1);
  const rest: RuleOutcome<State> =
    oldest === undefined ? {} : { state: { past }, wakeAt: oldest.at + params.repeatWithin };
  if (now?.by === undefined) return rest;
  const where = site.zoneName(now.zoneId);
  const place = tellOrigin(now.origin);
  const explanation = {
    zh: `${where}未再发现高空抛物（${place === undefined ? "" : `来自${place.zh}，`}共${now.reports}次上报）。请核实后关闭。`,
    en: `Nothing more was thrown at ${where} (${place === undefined ? "" : `from ${place.en}, `}${now.reports} report${now.reports > 1 ? "s" : ""}). Close it once it is looked into.`,
  };
  return { ...rest, signals: [{ type: "clear", subject: key, openedBy: now.by, explanation }] };
}

function raiseFor(thrown: Throw, openedBy: ObservationId, params: Params, key: string, site: SiteView): AlarmSignal {
  const { cameras, origin, before, zoneId, certainty, causes } = thrown;
  const names = cameras.map((id) => site.deviceName(id));
  const where = site.zoneName(zoneId);
  const place = tellOrigin(origin);
  const from = place === undefined ? { zh: "", en: "" } : { zh: `，来自${place.zh}`, en: ` from ${place.en}` };
  const again =
    before === 0
      ? { zh: "", en: "" }
      : {
          zh: `该处此前已有${before}次。`,
          en: ` Things have come from there ${before} time${before > 1 ? "s" : ""} before.`,
        };
  const by = cameras.length;
  return {
    type: "raise",
    subject: key,
    zoneId,
    openedBy,
    perOccurrence: true,
    severity: before >= params.repeats ? "critical" : "major",
    certainty,
    causes: [...causes],
    ...(place === undefined ? {} : { evidence: [`${place.zh} / ${place.en}`] }),
    explanation: {
      zh: `${where}发现高空抛物${from.zh}，${by}台摄像机报告（${names.join("、")}）。${again.zh}请立即查看下方有无人员受伤，并保存录像。`,
      en: `Something was thrown at ${where}${from.en}, reported by ${by} camera${by > 1 ? "s" : ""} (${names.join(", ")}).${again.en} See at once whether anyone below is hurt, and keep the recording.`,
    },
  };
}
