import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import { conditionRule } from "../condition.ts";

const params = z.strictObject({
  after: durationSchema
    .refine((ms) => ms >= 10_000 && ms <= 600_000, "10s to 10m")
    .prefault("30s")
    .describe("A door contact that is open for so long is held open. IEC 60839-11-1 asks for at least 10s."),
});

/**
 * A door that stays open: by the terminal's own word at once, by a door contact after a time, since a contact knows nothing of
 * permitted times. It is over when the door is closed.
 */
export const doorHeld = conditionRule({
  name: "door-held",
  title: { zh: "门长时间未关", en: "Door held open" },
  params,
  kinds: ["door.state", "contact.state"],
  severity: "minor",
  certainty: "observed",
  keyOf(observation) {
    if (observation.kind === "door.state" && observation.body.delivery === "live") return observation.deviceId;
    return observation.kind === "contact.state" && observation.body.role === "door" ? observation.deviceId : undefined;
  },
  level(observation) {
    if (observation.kind === "contact.state") return observation.body.active;
    if (observation.kind !== "door.state") return undefined;
    const { state } = observation.body;
    return state === "closed" ? false : state === "held" ? true : undefined;
  },
  lastsMs: ({ after }, observation) => (observation.kind === "contact.state" ? after : 0),
  told: ({ deviceId, zoneId }, site) => ({
    zh: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}：门长时间未关。请派人查看并关好门。`,
    en: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}: the door is being held open. Send someone to see and close it.`,
  }),
  over: ({ deviceId }, site) => ({
    zh: `${site.deviceName(deviceId)}：门已关闭。`,
    en: `${site.deviceName(deviceId)}: the door is closed.`,
  }),
});
