import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule, type RuleOutcome } from "../rule.ts";

const params = z.strictObject({
  count: z
    .number()
    .int()
    .min(2)
    .max(5)
    .default(3)
    .describe(
      "Refused tries within the window that make an alarm. GB 50396-2007 5.1.5 asks for an alarm at five at most.",
    ),
  window: durationSchema.prefault("2m").describe("The tries have to fall into this time."),
});

interface State {
  /** Log times and ids of the refusals in the window, oldest first. */
  readonly tries: readonly { readonly at: number; readonly id: ObservationId }[];
  /** The building burns, and the door is an exit: who is refused there wants out. */
  readonly evacuating?: boolean;
  readonly open?: {
    readonly by: ObservationId;
    readonly zoneId: ZoneId;
    readonly total: number;
    readonly toldTotal: number;
    readonly deviceId: DeviceId;
  };
}

/**
 * Repeated refusals at one door: somebody tries to get in who may not. Late and manually replayed records count nothing.
 * It returns when the door has seen no refusal for a whole window. Source: GB 50396-2007 5.1.5 (alarm on consecutive
 * wrong operations, at most 5).
 */
export const accessDeniedRepeated = defineRule<z.infer<typeof params>, State>({
  name: "access-denied-repeated",
  title: { zh: "门禁多次被拒", en: "Repeated denied entry" },
  params,
  kinds: ["access.denied"],
  maxKeys: 10_000,
  keyOf: (observation) =>
    observation.kind === "access.denied" && observation.body.delivery === "live" ? observation.deviceId : undefined,

  hears: ["exit-blocked"],
  keysOfSignal: ({ subject }) => [subject],

  step(state, input, { params, at, key, site }) {
    if (input.type === "signal") {
      if (input.signal.type === "raise") return withoutTries(state, true, at, params.window);
      return withoutTries(state, false, at, params.window);
    }
    if (state?.evacuating === true) return { state };
    if (input.type !== "observation") {
      const quiet: State["tries"] = (state?.tries ?? []).filter((t) => t.at > at - params.window);
      if (quiet.length > 0 && state !== undefined) return { state, wakeAt: (quiet.at(-1)?.at ?? at) + params.window };
      if (state?.open === undefined) return {};
      const door = site.deviceName(state.open.deviceId);
      const explanation = { zh: `${door}已不再拒绝通行。`, en: `${door} has refused nobody for a while.` };
      return { signals: [{ type: "clear", subject: key, explanation }] };
    }
    const { observation } = input;
    const tries = [...(state?.tries ?? []).filter((t) => t.at > at - params.window), { at, id: observation.id }].slice(
      -32,
    );
    const wakeAt = at + params.window;
    const total = (state?.open?.total ?? tries.length - 1) + 1;
    // While it is open it is told again at 2, 4, 8 … times as many, so that a hammering visitor does not flood the city.
    const due = state?.open === undefined ? tries.length >= params.count : total >= 2 * state.open.toldTotal;
    if (!due) {
      return { state: state?.open === undefined ? { tries } : { tries, open: { ...state.open, total } }, wakeAt };
    }
    const openedBy = state?.open?.by ?? tries[0]?.id ?? observation.id;
    const door = site.deviceName(observation.deviceId);
    return {
      state: {
        tries,
        open: { by: openedBy, zoneId: observation.zoneId, total, toldTotal: total, deviceId: observation.deviceId },
      },
      wakeAt,
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: observation.zoneId,
          openedBy,
          severity: "minor",
          certainty: "observed",
          causes: tries.map((t) => t.id),
          explanation: {
            zh: `${door}连续拒绝通行${total}次。请查看现场，核实来人身份。`,
            en: `${door} refused entry ${total} times in a row. Go and see who it is.`,
          },
        },
      ],
    };
  },
});

/** What was tried until now counts no more; an alarm that is open is over in its time. */
function withoutTries(state: State | undefined, evacuating: boolean, at: number, windowMs: number): RuleOutcome<State> {
  const open = state?.open === undefined ? {} : { open: state.open };
  if (evacuating) return { state: { tries: [], evacuating, ...open } };
  return state?.open === undefined ? {} : { state: { tries: [], ...open }, wakeAt: at + windowMs };
}
