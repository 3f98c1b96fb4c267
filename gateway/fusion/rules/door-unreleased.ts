import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { defineRule, type RuleOutcome } from "../rule.ts";

const params = z.strictObject({
  before: durationSchema
    .prefault("10s")
    .describe("A door may be opened so long after it was let go: the permitted time of IEC 60839-11-1."),
  grace: durationSchema
    .refine((ms) => ms <= 5000, "at most 5s")
    .prefault("1s")
    .describe(
      "The word that it was let go may come so long after the contact: another device says it, over another wire.",
    ),
});

interface Opened {
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly by: ObservationId;
  readonly dueAt: number;
  readonly raised: boolean;
}

/** Of one zone. */
interface State {
  readonly releasedAt?: number;
  readonly doors: readonly Opened[];
}

const most = 32;
/** Tag of a door contact whose door opens only when it is let go: by a terminal, an exit button or the fire panel of its zone. */
const controlledTag = "controlled";

/**
 * A door contact that opens although nothing in its zone has let the door go: forced, or the lock does not hold. Only contacts
 * with the tag `controlled` are judged, since a contact alone knows of no lock. Nearly all such alarms are nuisances of an exit
 * button that reports late (IPVM), hence the grace. It latches, and is over when the door is closed.
 */
export const doorUnreleased = defineRule<z.infer<typeof params>, State>({
  name: "door-unreleased",
  title: { zh: "未经许可开门", en: "Door opened without release" },
  params,
  kinds: ["contact.state", "access.granted", "access.duress", "door.released"],
  maxKeys: 10_000,
  keyOf(observation, site) {
    const { kind, body, deviceId, zoneId } = observation;
    if (kind === "contact.state") {
      return body.role === "door" && site.tagsOf(deviceId).includes(controlledTag) ? zoneId : undefined;
    }
    // A record that comes late opened no door now.
    return (kind === "access.granted" || kind === "access.duress" || kind === "door.released") &&
      body.delivery === "live"
      ? zoneId
      : undefined;
  },

  step(state, input, { params, at, site }) {
    const doors = state?.doors ?? [];
    const released = state?.releasedAt === undefined ? {} : { releasedAt: state.releasedAt };
    if (input.type !== "observation") {
      const due = doors.filter(({ raised, dueAt }) => !raised && dueAt <= at);
      const told = doors.map((door) => (due.includes(door) ? { ...door, raised: true } : door));
      const signals = due.map(({ deviceId, zoneId, by }): AlarmSignal => {
        const where = `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}`;
        return {
          type: "raise",
          subject: deviceId,
          zoneId,
          openedBy: by,
          severity: "major",
          certainty: "possible",
          latched: true,
          causes: [by],
          explanation: {
            zh: `${where}：门被打开，但无人刷脸、按出门按钮或远程开门。请立即查看是否被强行打开。`,
            en: `${where}: the door opened though nobody was let in, pressed the exit button or released it. See at once whether it was forced.`,
          },
        };
      });
      return { ...next({ ...released, doors: told }, at, params.before), signals };
    }
    const { observation } = input;
    if (observation.kind !== "contact.state") {
      // One release may be for any door of the zone.
      const kept = doors.filter(({ raised }) => raised);
      return next({ releasedAt: at, doors: kept }, at, params.before);
    }
    const { deviceId, zoneId, id: by } = observation;
    const known = doors.find((door) => door.deviceId === deviceId);
    const others = doors.filter((door) => door.deviceId !== deviceId);
    if (!observation.body.active) {
      const rest = next({ ...released, doors: others }, at, params.before);
      if (known?.raised !== true) return rest;
      const name = site.deviceName(deviceId);
      const explanation = { zh: `${name}：门已关闭。`, en: `${name}: the door is closed.` };
      return { ...rest, signals: [{ type: "clear", subject: deviceId, explanation }] };
    }
    const free = state?.releasedAt !== undefined && at - state.releasedAt <= params.before;
    if (known !== undefined || free) return next({ ...released, doors }, at, params.before);
    const opened: Opened = { deviceId, zoneId, by, dueAt: at + params.grace, raised: false };
    return next({ ...released, doors: [...others, opened].slice(-most) }, at, params.before);
  },
});

function next(state: State, at: number, beforeMs: number): RuleOutcome<State> {
  const { releasedAt, doors } = state;
  const stale = releasedAt === undefined || at - releasedAt > beforeMs;
  if (stale && doors.length === 0) return {};
  const dues = doors.filter(({ raised }) => !raised).map(({ dueAt }) => dueAt);
  // Woken once more when the release is stale, to forget it.
  const forgetAt = stale ? [] : [releasedAt + beforeMs + 1];
  const wakes = [...dues, ...forgetAt];
  const kept: State = stale ? { doors } : { releasedAt, doors };
  return { state: kept, ...(wakes.length === 0 ? {} : { wakeAt: Math.min(...wakes) }) };
}
