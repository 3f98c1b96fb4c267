import { z } from "zod";
import type { Alarm, AlarmSignal } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { ZoneId } from "../../domain/ids.ts";
import { defineRule, type SiteView } from "../rule.ts";

const params = z.strictObject({
  within: durationSchema
    .prefault("10m")
    .describe("Two detectors of one building, or of neighbouring zones, that both say fire within this time agree."),
});

interface Burning {
  readonly subject: string;
  readonly zoneId: ZoneId;
  readonly at: number;
  readonly cause: Alarm["causes"][number];
}

interface State {
  readonly fires: readonly Burning[];
}

/** Fires that are followed at once; a site with more needs nobody to tell it that they agree. */
const most = 64;
const siteKey = "site";

/**
 * Neighbours raise certainty: two independent detectors of a building, or of zones that the configuration calls neighbours, that
 * both say fire make each other's alarm observed. The prior of one alarm of a smoke detector being real is 1 in 5,000 (Fire Sci. &
 * Tech. 2025 44(2):262); two independent ones within a minute are more likely real than not. It raises no alarm of its own.
 */
export const fireNearby = defineRule<z.infer<typeof params>, State>({
  name: "fire-nearby",
  title: { zh: "相邻火警互证", en: "Neighbouring fires" },
  params,
  kinds: [],
  maxKeys: 1,
  keyOf: () => undefined,
  hears: ["fire"],
  keysOfSignal: () => [siteKey],

  step(state, input, { params, at, site }) {
    const before = state?.fires ?? [];
    if (input.type !== "signal") return before.length === 0 ? {} : { state: { fires: before } };
    const { signal } = input;
    const others = before.filter(({ subject }) => subject !== signal.subject);
    if (signal.type !== "raise") return others.length === 0 ? {} : { state: { fires: others } };
    const known = before.find(({ subject }) => subject === signal.subject);
    const here: Burning = known ?? {
      subject: signal.subject,
      zoneId: signal.zoneId,
      at,
      cause: signal.causes.at(-1) ?? signal.openedBy,
    };
    const fires = [...others, here].slice(-most);
    const agreeing = others.filter((other) => at - other.at <= params.within && near(here.zoneId, other.zoneId, site));
    const first = agreeing[0];
    if (known !== undefined || first === undefined) return { state: { fires } };
    return {
      state: { fires },
      signals: [agreeSignal(here, first, site), ...agreeing.map((other) => agreeSignal(other, here, site))],
    };
  },
});

function near(a: ZoneId, b: ZoneId, site: SiteView): boolean {
  return site.rootOf(a) === site.rootOf(b) || site.neighboursOf(a).includes(b);
}

function agreeSignal(about: Burning, other: Burning, site: SiteView): AlarmSignal {
  const where = site.zoneName(other.zoneId);
  return {
    type: "corroborate",
    rule: "fire",
    subject: about.subject,
    zoneId: about.zoneId,
    certainty: "observed",
    causes: [other.cause],
    explanation: { zh: `附近${where}也报火警。`, en: `A detector nearby, in ${where}, says fire too.` },
  };
}
