import { z } from "zod";
import { conditionRule } from "../condition.ts";

/** Somebody opens, moves or covers a device, as it says itself. Over when it says so. */
export const tamper = conditionRule({
  name: "tamper",
  title: { zh: "设备被拆动", en: "Device tampered with" },
  params: z.strictObject({}),
  kinds: ["device.tamper", "extinguisher.state"],
  severity: "major",
  certainty: "observed",
  keyOf: (observation) => observation.deviceId,
  level(observation) {
    if (observation.kind === "device.tamper") return observation.body.active;
    return observation.kind === "extinguisher.state" ? observation.body.tamper : undefined;
  },
  lastsMs: () => 0,
  told: ({ deviceId, zoneId }, site) => ({
    zh: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}：设备被拆动或遮挡。请派人查看。`,
    en: `${site.zoneName(zoneId)} ${site.deviceName(deviceId)}: the device is being opened, moved or covered. Send someone to see.`,
  }),
  over: ({ deviceId }, site) => ({
    zh: `${site.deviceName(deviceId)}：拆动报警已解除。`,
    en: `${site.deviceName(deviceId)}: it is no longer tampered with.`,
  }),
});
