import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { type DeviceId, deviceIdSchema } from "../../domain/ids.ts";
import { defineRule, type SiteView } from "../rule.ts";

interface State {
  /** Fires of the building that are active. */
  readonly fires: readonly string[];
  /** Exits at which somebody was refused since. */
  readonly exits: readonly DeviceId[];
}

const most = 64;
/** Tag of a device that guards a door on an escape route. */
const exitTag = "exit";

/**
 * While a building burns a refusal at a door on its escape route is no intruder but somebody who cannot get out: critical, and the
 * door has to be let go (GB 50396-2007 9.0.1: doors on the escape side open without a key in a fire). It is over with the fire.
 * Other refusals there count for nothing meanwhile.
 */
export const exitBlocked = defineRule<Record<string, never>, State>({
  name: "exit-blocked",
  title: { zh: "火灾时出口受阻", en: "Exit blocked in a fire" },
  params: z.strictObject({}),
  kinds: ["access.denied"],
  maxKeys: 10_000,
  keyOf(observation, site) {
    if (observation.kind !== "access.denied" || observation.body.delivery !== "live") return undefined;
    return site.tagsOf(observation.deviceId).includes(exitTag) ? site.rootOf(observation.zoneId) : undefined;
  },
  hears: ["fire"],
  keysOfSignal(signal, _rule, site) {
    const zone = signal.type === "clear" ? zoneOfSubject(signal.subject, site) : signal.zoneId;
    return zone === undefined ? [] : [site.rootOf(zone)];
  },

  step(state, input, { site }) {
    const fires = state?.fires ?? [];
    const exits = state?.exits ?? [];
    if (input.type === "wake") return state === undefined ? {} : { state };
    if (input.type === "signal") {
      const { signal } = input;
      const others = fires.filter((subject) => subject !== signal.subject);
      if (signal.type === "raise") return { state: { fires: [...others, signal.subject].slice(-most), exits } };
      if (others.length > 0) return { state: { fires: others, exits } };
      const signals = exits.map((subject): AlarmSignal => ({ type: "clear", subject }));
      return signals.length === 0 ? {} : { signals };
    }
    const { deviceId, zoneId, id } = input.observation;
    if (fires.length === 0 || exits.includes(deviceId)) return state === undefined ? {} : { state };
    const where = `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}`;
    return {
      state: { fires, exits: [...exits, deviceId].slice(-most) },
      signals: [
        {
          type: "raise",
          subject: deviceId,
          zoneId,
          openedBy: id,
          severity: "critical",
          certainty: "likely",
          causes: [id],
          explanation: {
            zh: `${where}：火警期间有人在疏散出口被拒绝通行。请立即释放该门，引导疏散。`,
            en: `${where}: somebody was refused at an exit while the building burns. Release the door at once and help people out.`,
          },
        },
      ],
    };
  },
});

/** The subject of a fire is a device, or a panel's point behind a slash. */
function zoneOfSubject(subject: string, site: SiteView) {
  const id = deviceIdSchema.safeParse(subject.split("/")[0]);
  return id.success ? site.zoneOf(id.data) : undefined;
}
