import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import type { DeviceId, ObservationId, ZoneId } from "../../domain/ids.ts";
import { gatewayDeviceId } from "../../domain/ids.ts";
import { defineRule } from "../rule.ts";

const params = z.strictObject({
  grace: durationSchema.prefault("30s").describe("A device that is back within this time raises nothing."),
});

interface State {
  readonly deviceId: DeviceId;
  readonly by: ObservationId;
  readonly zoneId: ZoneId;
  readonly reason: string;
  readonly dueAt: number;
  readonly raised: boolean;
}

const reasons: Record<string, { zh: string; en: string }> = {
  "last-will": { zh: "连接中断", en: "its connection broke" },
  disconnected: { zh: "连接已断开", en: "it disconnected" },
  "said-so": { zh: "设备报告下线", en: "it signed off" },
  silent: { zh: "超过规定时间没有任何消息", en: "it has been silent for too long" },
  "never-seen": { zh: "启动以来从未上线", en: "it was never heard since the start" },
  "link-lost": { zh: "通信线路中断", en: "its line is down" },
  "no-answer": { zh: "设备无应答", en: "it does not answer" },
};

/**
 * A device that went quiet. Silence is news: whatever it watches is unwatched. Extinguishers weigh more than the rest,
 * since nobody would see their fire.
 */
export const deviceOffline = defineRule<z.infer<typeof params>, State>({
  name: "device-offline",
  title: { zh: "设备离线", en: "Device offline" },
  params,
  kinds: ["device.offline", "device.online"],
  maxKeys: 10_000,
  keyOf: (observation) => (observation.deviceId === gatewayDeviceId ? undefined : observation.deviceId),

  step(state, input, { params, at, key, site }) {
    if (input.type === "observation") {
      const { observation } = input;
      if (observation.kind === "device.online") {
        if (state?.raised !== true) return {};
        const name = site.deviceName(observation.deviceId);
        const explanation = { zh: `${name}已恢复在线。`, en: `${name} is back.` };
        return { signals: [{ type: "clear", subject: key, explanation }] };
      }
      if (observation.kind !== "device.offline") return state === undefined ? {} : { state };
      if (state?.raised === true) return { state };
      const dueAt = state?.dueAt ?? at + params.grace;
      return {
        state: {
          deviceId: observation.deviceId,
          by: state?.by ?? observation.id,
          zoneId: observation.zoneId,
          reason: observation.body.reason,
          dueAt,
          raised: false,
        },
        wakeAt: dueAt,
      };
    }
    if (state === undefined) return {};
    const reason = reasons[state.reason] ?? { zh: state.reason, en: state.reason };
    const extinguisher = site.driverOf(state.deviceId) === "thermal-extinguisher";
    const name = site.deviceName(state.deviceId);
    return {
      state: { ...state, raised: true },
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: state.zoneId,
          openedBy: state.by,
          severity: extinguisher ? "major" : "minor",
          certainty: "observed",
          causes: [state.by],
          explanation: {
            zh: `${name}离线：${reason.zh}。请检查供电和网络。${extinguisher ? "离线期间该处火情无法监测。" : ""}`,
            en: `${name} is offline: ${reason.en}. Check power and network.${extinguisher ? " Until it is back nobody sees a fire there." : ""}`,
          },
        },
      ],
    };
  },
});
