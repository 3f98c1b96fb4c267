import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import { gatewayDeviceId, type ObservationId } from "../../domain/ids.ts";
import { fellTogether, mostSilent, type Silent } from "../outage.ts";
import { defineRule } from "../rule.ts";

const params = z.strictObject({
  within: durationSchema
    .prefault("90s")
    .describe("Devices that fall silent within this time of each other do so together."),
  leastDevices: z.number().int().min(2).max(100).default(5).describe("Fewer are told one by one."),
  leastShare: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.5)
    .describe("Share of the building's devices that has to be silent, 0–1."),
});

interface State {
  readonly silent: readonly Silent[];
  readonly open?: { readonly by: ObservationId; readonly told: number };
}

/** Causes named in one alarm. */
const causesTold = 16;
const namesTold = 5;

/**
 * Many devices of one building fall silent together: one switch, one power cut, one cable, and one alarm with many causes. It
 * is over when fewer than the half of them are silent still. Latest appearance by the labelled scenario of a lost switch:
 * 100 s.
 */
export const zoneOutage = defineRule<z.infer<typeof params>, State>({
  name: "zone-outage",
  title: { zh: "区域断网断电", en: "Whole zone out" },
  params,
  kinds: ["device.offline", "device.online"],
  maxKeys: 10_000,
  keyOf: ({ deviceId, zoneId }, site) => (deviceId === gatewayDeviceId ? undefined : site.rootOf(zoneId)),

  step(state, input, { params, at, key, site }) {
    if (input.type !== "observation") return state === undefined ? {} : { state };
    const { observation } = input;
    const { deviceId, zoneId, id: by } = observation;
    const others = (state?.silent ?? []).filter((each) => each.deviceId !== deviceId);
    if (observation.kind !== "device.offline") {
      const open = state?.open;
      if (open === undefined || others.length > open.told / 2) {
        if (others.length === 0) return {};
        return { state: open === undefined ? { silent: others } : { silent: others, open } };
      }
      const explanation = {
        zh: `${site.zoneName(zoneId)}：大部分设备已恢复。`,
        en: `${site.zoneName(zoneId)}: most devices are back.`,
      };
      const clear = { type: "clear", subject: key, explanation } as const;
      return others.length === 0 ? { signals: [clear] } : { state: { silent: others }, signals: [clear] };
    }
    const known = state?.silent.find((each) => each.deviceId === deviceId);
    const here: Silent = known ?? { deviceId, zoneId, by, reason: observation.body.reason, at };
    const silent = [...others, here].slice(-mostSilent);
    const together = fellTogether(silent, zoneId, params, site);
    const open = state?.open;
    // While it is open it is told again at twice as many, so that a big building does not speak a hundred times.
    if (together.length === 0 || (open !== undefined && together.length < 2 * open.told)) {
      return { state: open === undefined ? { silent } : { silent, open } };
    }
    const openedBy = open?.by ?? together[0]?.by ?? by;
    const names = together.slice(0, namesTold).map((each) => site.deviceName(each.deviceId));
    const where = site.zoneName(site.rootOf(zoneId));
    const more = together.length > namesTold;
    return {
      state: { silent, open: { by: openedBy, told: together.length } },
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: site.rootOf(zoneId),
          openedBy,
          severity: "major",
          certainty: "likely",
          causes: together.slice(-causesTold).map((each) => each.by),
          explanation: {
            zh: `${where}：${together.length}台设备同时离线（${names.join("、")}${more ? "等" : ""}），可能是断电或网络中断。请先检查该楼的交换机和供电。恢复之前该区域无人监测。`,
            en: `${where}: ${together.length} devices fell silent together (${names.join(", ")}${more ? " and more" : ""}): probably power or network. Check the building's switch and supply first. Until they are back nobody watches there.`,
          },
        },
      ],
    };
  },
});
