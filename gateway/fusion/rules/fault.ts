import { z } from "zod";
import type { Severity } from "../../domain/alarm.ts";
import { gatewayDeviceId, type ObservationId } from "../../domain/ids.ts";
import { defineRule } from "../rule.ts";

const params = z.strictObject({
  ignore: z.array(z.string()).default([]).describe("Fault codes that raise no alarm on this site, e.g. clock-wrong."),
});

interface State {
  readonly by: ObservationId;
}

interface Words {
  readonly severity: Severity;
  readonly zh: string;
  readonly en: string;
}

const words: Record<string, Words> = {
  "sensor-invalid": {
    severity: "major",
    zh: "传感器数值不可信，请检修或更换",
    en: "its sensor gives values that cannot be true; repair or replace it",
  },
  "modbus-exception": {
    severity: "minor",
    zh: "设备拒绝读取，请核对寄存器配置",
    en: "it refuses to be read; compare the profile with the maker's map",
  },
  flooding: { severity: "minor", zh: "消息过多，已限速", en: "it sends far too much and is being slowed down" },
  "clock-wrong": { severity: "warning", zh: "设备时钟错误，请校时", en: "its clock is wrong; set it" },
  "log-damaged": {
    severity: "major",
    zh: "数据库曾损坏，已隔离并抢救可读数据，请检查磁盘",
    en: "the database was damaged, set aside and salvaged as far as it could be read; check the disk",
  },
  "disk-failing": {
    severity: "critical",
    zh: "磁盘无法写入，设备消息暂不确认，请立即处理",
    en: "the disk does not write; device messages are not confirmed until it does. Act at once",
  },
  "rule-failed": { severity: "major", zh: "规则运行出错，请联系集成商", en: "a rule failed; call the integrator" },
};

/**
 * Something of ours or of a device's does not work as it should, though it is not gone. Listed faults of a device and of
 * the gateway itself, one alarm a fault, returning when the fault is reported over.
 */
export const fault = defineRule<z.infer<typeof params>, State>({
  name: "fault",
  title: { zh: "故障", en: "Fault" },
  params,
  kinds: ["device.fault", "gateway.fault"],
  maxKeys: 10_000,
  keyOf: (observation) =>
    observation.kind === "device.fault" || observation.kind === "gateway.fault"
      ? `${observation.deviceId}/${observation.body.code}`
      : undefined,

  step(state, input, { params, key, site }) {
    if (input.type !== "observation") return state === undefined ? {} : { state };
    const { observation } = input;
    if (observation.kind !== "device.fault" && observation.kind !== "gateway.fault")
      return state === undefined ? {} : { state };
    const { code, active, detail } = observation.body;
    const { severity, zh, en } = words[code] ?? { severity: "minor" as const, zh: `故障 ${code}`, en: `fault ${code}` };
    const ours = observation.deviceId === gatewayDeviceId;
    const name = site.deviceName(observation.deviceId);
    if (!active) {
      if (state === undefined) return {};
      const explanation = {
        zh: `${ours ? "网关" : name}：故障已消除。`,
        en: `${ours ? "The gateway" : name}: the fault is over.`,
      };
      return { signals: [{ type: "clear", subject: key, explanation }] };
    }
    if (state !== undefined || params.ignore.includes(code)) return state === undefined ? {} : { state };
    return {
      state: { by: observation.id },
      signals: [
        {
          type: "raise",
          subject: key,
          zoneId: observation.zoneId,
          openedBy: observation.id,
          severity,
          certainty: "observed",
          causes: [observation.id],
          ...(detail === undefined ? {} : { evidence: [detail] }),
          explanation: { zh: `${ours ? "网关" : name}：${zh}。`, en: `${ours ? "The gateway" : name}: ${en}.` },
        },
      ],
    };
  },
});
