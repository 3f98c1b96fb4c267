import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import { gatewayDeviceId } from "../../domain/ids.ts";
import { mostSilent, type Silent } from "../outage.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";

const params = z.strictObject({
  grace: durationSchema.prefault("30s").describe("A device that is back within this time raises nothing."),
});

interface Silence extends Silent {
  readonly dueAt: number;
  readonly raised: boolean;
}

/** Of one building. */
interface State {
  readonly silent: readonly Silence[];
  /** One alarm tells it for all: nothing is raised device by device. */
  readonly outage: boolean;
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
 * A device that went quiet. Silence is news: whatever it watches is unwatched. Extinguishers weigh more than the rest, since
 * nobody would see their fire. While a whole building is out that is one alarm of its own, and what is silent still when it
 * is over is told then.
 */
export const deviceOffline = defineRule<z.infer<typeof params>, State>({
  name: "device-offline",
  title: { zh: "设备离线", en: "Device offline" },
  params,
  kinds: ["device.offline", "device.online"],
  maxKeys: 10_000,
  keyOf: ({ deviceId, zoneId }, site) => (deviceId === gatewayDeviceId ? undefined : site.rootOf(zoneId)),
  hears: ["zone-outage"],
  keysOfSignal: ({ subject }) => [subject],

  step(state, input, { params, at, site }) {
    const silent = state?.silent ?? [];
    const outage = state?.outage ?? false;
    if (input.type === "signal") {
      if (input.signal.type === "raise") return next(silent, true);
      const dueAt = at + params.grace;
      return next(
        silent.map((each) => (each.raised ? each : { ...each, dueAt })),
        false,
      );
    }
    if (input.type === "wake") {
      const due = silent.filter(({ raised, dueAt }) => !raised && dueAt <= at);
      const told = silent.map((each) => (due.includes(each) ? { ...each, raised: true } : each));
      return { ...next(told, outage), signals: due.map((each) => raiseFor(each, site)) };
    }
    const { observation } = input;
    const { deviceId, zoneId, id: by } = observation;
    const known = silent.find((each) => each.deviceId === deviceId);
    const others = silent.filter((each) => each.deviceId !== deviceId);
    if (observation.kind !== "device.offline") {
      const rest = next(others, outage);
      if (known?.raised !== true) return rest;
      const name = site.deviceName(deviceId);
      const explanation = { zh: `${name}已恢复在线。`, en: `${name} is back.` };
      return { ...rest, signals: [{ type: "clear", subject: deviceId, explanation }] };
    }
    const { reason } = observation.body;
    const here: Silence = known ?? { deviceId, zoneId, by, reason, at, dueAt: at + params.grace, raised: false };
    return next([...others, here].slice(-mostSilent), outage);
  },
});

function next(silent: readonly Silence[], outage: boolean): RuleOutcome<State> {
  if (silent.length === 0 && !outage) return {};
  const dues = outage ? [] : silent.filter(({ raised }) => !raised).map(({ dueAt }) => dueAt);
  return { state: { silent, outage }, ...(dues.length === 0 ? {} : { wakeAt: Math.min(...dues) }) };
}

function raiseFor({ deviceId, zoneId, by, reason: code }: Silence, site: SiteView): AlarmSignal {
  const reason = reasons[code] ?? { zh: code, en: code };
  const extinguisher = site.driverOf(deviceId) === "thermal-extinguisher";
  const name = site.deviceName(deviceId);
  return {
    type: "raise",
    subject: deviceId,
    zoneId,
    openedBy: by,
    severity: extinguisher ? "major" : "minor",
    certainty: "observed",
    causes: [by],
    explanation: {
      zh: `${name}离线：${reason.zh}。请检查供电和网络。${extinguisher ? "离线期间该处火情无法监测。" : ""}`,
      en: `${name} is offline: ${reason.en}. Check power and network.${extinguisher ? " Until it is back nobody sees a fire there." : ""}`,
    },
  };
}
