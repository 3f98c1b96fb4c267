import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import type { ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule, type RuleOutcome } from "../rule.ts";

const params = z.strictObject({
  window: durationSchema
    .prefault("15s")
    .describe("Passages so long after a grant belong to it; the door is closed again by then."),
  more: z
    .number()
    .int()
    .min(1)
    .max(20)
    .default(1)
    .describe("So many persons more than were let in make an alarm. 15 to 30 % of the grants at homes have one."),
});

/** Of one zone. */
interface State {
  readonly grants: number;
  readonly passages: readonly { readonly at: number; readonly id: ObservationId }[];
  readonly until: number;
  readonly told: boolean;
  readonly zoneId: ZoneId;
}

const mostPassages = 32;
/** Role of a contact that closes once for each person who passes. */
const passageRole = "passage";

/**
 * Tailgating: more persons pass than were let in. It needs a sensor that counts persons at the door (a contact of the role
 * `passage`); each burst of passages after a grant is one occurrence.
 */
export const tailgating = defineRule<z.infer<typeof params>, State>({
  name: "tailgating",
  title: { zh: "尾随进入", en: "Tailgating" },
  params,
  kinds: ["access.granted", "door.released", "contact.state"],
  maxKeys: 10_000,
  keyOf({ kind, body, zoneId }) {
    if (kind === "contact.state") return body.role === passageRole && body.active ? zoneId : undefined;
    return (kind === "access.granted" || kind === "door.released") && body.delivery === "live" ? zoneId : undefined;
  },

  step(state, input, { params, at, key, site }): RuleOutcome<State> {
    if (input.type !== "observation") return {};
    const { observation } = input;
    const { zoneId, id } = observation;
    // An exit button or the fire panel lets go for anybody.
    if (observation.kind === "door.released") return {};
    const before = state ?? { grants: 0, passages: [], told: false, zoneId };
    const until = at + params.window;
    if (observation.kind === "access.granted") {
      const next: State = { ...before, grants: before.grants + 1, until, zoneId };
      return { state: next, wakeAt: until };
    }
    // Passages without any grant are somebody's who goes out.
    if (before.grants === 0) return {};
    const passages = [...before.passages, { at, id }].slice(-mostPassages);
    const excess = passages.length - before.grants;
    const due = !before.told && excess >= params.more;
    const next: State = { ...before, passages, until, told: before.told || due, zoneId };
    if (!due) return { state: next, wakeAt: until };
    const where = site.zoneName(zoneId);
    const openedBy = passages[0]?.id ?? id;
    return {
      state: next,
      wakeAt: until,
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId,
          openedBy,
          perOccurrence: true,
          severity: "warning",
          certainty: "likely",
          causes: passages.map((each) => each.id),
          explanation: {
            zh: `${where}：${before.grants}人获准进入，却有${passages.length}人通过，可能有人尾随。`,
            en: `${where}: ${before.grants} let in, ${passages.length} passed: somebody may have followed.`,
          },
        },
        { type: "clear", subject: key, openedBy },
      ],
    };
  },
});
