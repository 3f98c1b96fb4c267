import { z } from "zod";
import { conditionRule } from "../condition.ts";

/**
 * A door that opened and was not let go: the terminal says so by itself, since only it knows its lock. It is over when the
 * door is closed again, and latched: somebody has to see who is inside. Source: the door-forced event of IEC 60839-11-1.
 */
export const doorForced = conditionRule({
  name: "door-forced",
  title: { zh: "门被强行打开", en: "Door forced open" },
  params: z.strictObject({}),
  kinds: ["door.state"],
  severity: "major",
  certainty: "likely",
  latched: true,
  keyOf: (observation) =>
    observation.kind === "door.state" && observation.body.delivery === "live" ? observation.deviceId : undefined,
  level(observation) {
    if (observation.kind !== "door.state") return undefined;
    const { state } = observation.body;
    return state === "forced" ? true : state === "closed" ? false : undefined;
  },
  lastsMs: () => 0,
  told: ({ deviceId, zoneId }, site) => ({
    zh: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}：未经许可，门被强行打开。请立即查看，必要时报警。`,
    en: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}: the door opened without being released. Look at once, and call the police if somebody broke in.`,
  }),
  over: ({ deviceId }, site) => ({
    zh: `${site.deviceName(deviceId)}：门已关闭。请核实有无人员进入后再关闭警情。`,
    en: `${site.deviceName(deviceId)}: the door is closed again. See whether anybody got in before you close this.`,
  }),
});
