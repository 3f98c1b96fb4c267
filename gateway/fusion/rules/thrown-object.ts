import { z } from "zod";
import type { Certainty } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule } from "../rule.ts";

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
    .describe("A single report with a confidence below this is only possible, not likely."),
});

interface State {
  readonly by: ObservationId;
  readonly zoneId: ZoneId;
  readonly lastAt: number;
  readonly cameras: readonly DeviceId[];
  readonly reports: number;
  readonly causes: readonly ObservationId[];
  readonly certainty: Certainty;
}

/**
 * One throw is seen by several cameras and in several frames: reports of one building that follow each other closely
 * are one alarm, and a second camera makes it observed. Each throw is an alarm of its own. It returns by itself when the
 * window is over, since there is nothing left to see; a person still has to close it. Duty to act: Civil Code art. 1254.
 */
export const thrownObject = defineRule<z.infer<typeof params>, State>({
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
    if (input.type !== "observation") {
      if (state === undefined) return {};
      const where = site.zoneName(state.zoneId);
      const explanation = {
        zh: `${where}未再发现高空抛物（共${state.reports}次上报）。请核实后关闭。`,
        en: `Nothing more was thrown from ${where} (${state.reports} report${state.reports > 1 ? "s" : ""}). Close it once it is looked into.`,
      };
      return { signals: [{ type: "clear", subject: key, openedBy: state.by, explanation }] };
    }
    const { observation } = input;
    const confidence = observation.kind === "throw.detected" ? observation.body.confidence : undefined;
    const single: Certainty = confidence !== undefined && confidence < params.weakBelow ? "possible" : "likely";
    const cameras = [...new Set([...(state?.cameras ?? []), observation.deviceId])].slice(0, 16);
    const certainty: Certainty = cameras.length > 1 ? "observed" : state?.certainty === "likely" ? "likely" : single;
    const next: State = {
      by: state?.by ?? observation.id,
      zoneId: state?.zoneId ?? observation.zoneId,
      lastAt: at,
      cameras,
      reports: (state?.reports ?? 0) + 1,
      causes: [...(state?.causes ?? []), observation.id].slice(-16),
      certainty,
    };
    const news = state === undefined || next.cameras.length > state.cameras.length || certainty !== state.certainty;
    if (!news) return { state: next, wakeAt: at + params.window };
    const where = site.zoneName(next.zoneId);
    const names = cameras.map((id) => site.deviceName(id));
    return {
      state: next,
      wakeAt: at + params.window,
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: next.zoneId,
          openedBy: next.by,
          perOccurrence: true,
          severity: "major",
          certainty,
          causes: [...next.causes],
          explanation: {
            zh: `${where}发现高空抛物，${cameras.length}台摄像机报告（${names.join("、")}）。请立即查看下方有无人员受伤，并保存录像。`,
            en: `Something was thrown from ${where}, reported by ${cameras.length} camera${cameras.length > 1 ? "s" : ""} (${names.join(", ")}). See at once whether anyone below is hurt, and keep the recording.`,
          },
        },
      ],
    };
  },
});
