import { z } from "zod";
import { defineRule } from "../rule.ts";

/**
 * Somebody opened under threat and gave the agreed sign. Each is an alarm of its own, critical, and latched; the explanation
 * asks for help without a sound at the door, since the one who threatens may hear it. Late records raise nothing.
 */
export const duress = defineRule<Record<string, never>, never>({
  name: "duress",
  title: { zh: "胁迫开门", en: "Duress at a door" },
  params: z.strictObject({}),
  kinds: ["access.duress"],
  maxKeys: 10_000,
  keyOf: (observation) =>
    observation.kind === "access.duress" && observation.body.delivery === "live" ? observation.deviceId : undefined,

  step(_state, input, { key, site }) {
    if (input.type !== "observation") return {};
    const { observation } = input;
    const where = `${site.zoneName(observation.zoneId)} ${site.deviceName(observation.deviceId)}`;
    return {
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: observation.zoneId,
          openedBy: observation.id,
          perOccurrence: true,
          severity: "critical",
          certainty: "likely",
          latched: true,
          causes: [observation.id],
          explanation: {
            zh: `${where}：有人以胁迫方式开门。请立即报警（110），不要打草惊蛇。`,
            en: `${where}: somebody opened under duress. Call the police (110) at once, and make no sound at the door.`,
          },
        },
      ],
    };
  },
});
