import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule } from "../rule.ts";

const params = z.strictObject({
  travel: durationSchema.prefault("60s").describe("Nobody gets from one building to another sooner than this."),
  reentry: durationSchema
    .prefault("60s")
    .describe("Nobody comes in twice at a door tagged `entry` within this time without having gone out."),
});

interface State {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly at: number;
  readonly by: ObservationId;
}

/** Tag of a device through which one only comes in. */
const entryTag = "entry";

/**
 * Anti-passback, soft: it lets pass and tells. One credential was used at doors of two buildings sooner than a person can walk, or
 * twice in a row to come in. It works on pseudonyms only; the alarm names doors and nobody. Source: GA/T 394 (anti-passback).
 */
export const passback = defineRule<z.infer<typeof params>, State>({
  name: "passback",
  title: { zh: "一卡多用（反潜回）", en: "One credential at two places" },
  params,
  kinds: ["access.granted"],
  maxKeys: 10_000,
  keyOf: ({ kind, body }) =>
    kind === "access.granted" && body.delivery === "live" && body.person !== undefined ? body.person : undefined,

  step(state, input, { params, at, site }) {
    if (input.type !== "observation") return {};
    const { deviceId, zoneId, id: by } = input.observation;
    const next: State = { deviceId, zoneId, at, by };
    const wakeAt = at + Math.max(params.travel, params.reentry);
    const kept = { state: next, wakeAt };
    if (state === undefined) return kept;
    const ms = at - state.at;
    const far = site.rootOf(zoneId) !== site.rootOf(state.zoneId) && ms < params.travel;
    const again = deviceId === state.deviceId && site.tagsOf(deviceId).includes(entryTag) && ms < params.reentry;
    if (!far && !again) return kept;
    const [here, there] = [site.deviceName(deviceId), site.deviceName(state.deviceId)];
    const seconds = Math.round(ms / 1000);
    return {
      ...kept,
      signals: [
        {
          type: "raise",
          subject: deviceId,
          zoneId,
          openedBy: by,
          perOccurrence: true,
          severity: "minor",
          certainty: far ? "likely" : "possible",
          causes: [state.by, by],
          explanation: far
            ? {
                zh: `同一凭证在${seconds}秒内先后用于${there}和${here}，一人无法做到。请核实是否借用或盗用。`,
                en: `One credential was used at ${there} and ${seconds} s later at ${here}, sooner than a person can walk. See whether it was lent or stolen.`,
              }
            : {
                zh: `同一凭证在${seconds}秒内两次从${here}进入而未离开。请核实是否尾随或借用。`,
                en: `One credential came in at ${here} twice within ${seconds} s without going out. See whether it was lent.`,
              },
        },
        { type: "clear", subject: deviceId, openedBy: by },
      ],
    };
  },
});
