import { z } from "zod";
import type { Tale, Tone } from "../tale.ts";
import { alarmOf, type CityAlarm, gapOf } from "./envelope.ts";
import type { CityMessage } from "./subscriber.ts";

const steps: Record<string, { zh: string; en: string }> = {
  raised: { zh: "新警情", en: "raised" },
  updated: { zh: "更新", en: "updated" },
  acknowledged: { zh: "已确认", en: "acknowledged" },
  returned: { zh: "恢复", en: "returned" },
  shelved: { zh: "搁置", en: "shelved" },
  unshelved: { zh: "取消搁置", en: "unshelved" },
  suppressed: { zh: "抑制", en: "suppressed" },
  unsuppressed: { zh: "取消抑制", en: "unsuppressed" },
  escalated: { zh: "升级推送", en: "escalated" },
  closed: { zh: "结案", en: "closed" },
};
const severities: Record<string, { zh: string; en: string; tone: Tone }> = {
  critical: { zh: "特急", en: "critical", tone: "bad" },
  major: { zh: "严重", en: "major", tone: "bad" },
  minor: { zh: "一般", en: "minor", tone: "warn" },
  warning: { zh: "提示", en: "warning", tone: "warn" },
};
const colours: Record<string, { zh: string; tone: Tone }> = {
  red: { zh: "红", tone: "bad" },
  yellow: { zh: "黄", tone: "warn" },
  green: { zh: "绿", tone: "good" },
  unknown: { zh: "未知", tone: "faint" },
};

/** Events that people care for; the rest are readings by the second. */
const eventNames: Record<string, string> = {
  "access.granted": "通行",
  "access.denied": "拒绝通行",
  "access.stranger": "陌生人",
  "throw.detected": "抛物",
  "extinguisher.state": "灭火装置喷放",
  "device.online": "设备上线",
  "device.offline": "设备离线",
};

const observationSchema = z.looseObject({
  kind: z.string(),
  deviceId: z.string(),
  body: z.looseObject({ delivery: z.string().optional(), discharged: z.boolean().optional() }),
});
const zoneSchema = z.looseObject({ zoneId: z.string(), colour: z.string() });
const deviceSchema = z.looseObject({ deviceId: z.string(), online: z.string() });
const gatewaySchema = z.looseObject({ state: z.string().optional(), version: z.string().optional() });

/** A line for each message of the city's newcomer, or for those that matter; duplicates and repeated states say nothing. */
export class CityNews {
  readonly #everything: boolean;
  readonly #last = new Map<string, string>();
  readonly #wasOffline = new Set<string>();

  /** `everything`: observations and device states too. */
  constructor(everything: boolean) {
    this.#everything = everything;
  }

  tell(message: CityMessage): Tale | undefined {
    const told = this.#tell(message);
    return told === undefined ? undefined : { from: "city", ...told };
  }

  #tell({ kind, key, gateway, envelope, fate, answer }: CityMessage): Omit<Tale, "from"> | undefined {
    if (answer !== undefined) {
      return answer.ok
        ? { tone: "good", zh: "网关已执行命令", en: "the gateway did as told" }
        : { tone: "bad", zh: `命令被拒：${answer.error?.code}`, en: `command refused: ${answer.error?.message}` };
    }
    if (envelope === undefined) return undefined;
    if (fate === "conflict")
      return { tone: "bad", zh: `编号冲突：${envelope.id}`, en: `conflicting ids: ${envelope.id}` };
    if (fate === "duplicate") return undefined;
    switch (kind) {
      case "alarms": {
        const alarm = alarmOf(envelope);
        return alarm === undefined ? undefined : alarmLine(alarm, envelope.replayed === true);
      }
      case "gaps": {
        const gap = gapOf(envelope);
        if (gap === undefined) return undefined;
        const text = `${gap.lane} ${gap.from}–${gap.to}`;
        return { tone: "bad", zh: `网关声明缺口：${text}`, en: `the gateway declares a gap: ${text} (${gap.reason})` };
      }
      case "gateway": {
        const { state, version } = gatewaySchema.parse(envelope.data);
        if (state === "offline") return { tone: "bad", zh: `网关 ${gateway} 离线`, en: `gateway ${gateway} is gone` };
        return { tone: "good", zh: `网关 ${gateway} 上线 ${version}`, en: `gateway ${gateway} is born` };
      }
      case "zones":
        return this.#zoneLine(key, envelope.data);
      case "events": {
        const data = observationSchema.safeParse(envelope.data).data;
        if (data === undefined || !(this.#everything || this.#matters(data))) return undefined;
        const late = envelope.replayed === true || data.body["delivery"] === "late";
        return {
          tone: "faint",
          zh: `收到${late ? "迟到的" : ""}事件：${eventNames[data.kind] ?? data.kind} ${data.deviceId}`,
          en: `event${late ? " (late)" : ""}: ${data.kind}`,
        };
      }
      case "devices": {
        const data = deviceSchema.safeParse(envelope.data).data;
        if (!this.#everything || data === undefined || !this.#isNew(`device ${key}`, data.online)) return undefined;
        return { tone: "faint", zh: `设备 ${data.deviceId}`, en: data.online };
      }
      default:
        return undefined;
    }
  }

  /** That all devices come online at the start, or that an extinguisher hangs there full, is none. */
  #matters({ kind, deviceId, body }: z.infer<typeof observationSchema>): boolean {
    switch (kind) {
      case "device.online":
        return this.#wasOffline.delete(deviceId);
      case "device.offline":
        this.#wasOffline.add(deviceId);
        return true;
      case "extinguisher.state":
        return body.discharged === true;
      default:
        return kind in eventNames;
    }
  }

  /** A zone that turns green for the first time was never anything else: no news. */
  #zoneLine(key: string, data: unknown): Omit<Tale, "from"> | undefined {
    const zone = zoneSchema.safeParse(data).data;
    if (zone === undefined) return undefined;
    const before = this.#last.get(`zone ${key}`);
    if (!this.#isNew(`zone ${key}`, zone.colour)) return undefined;
    const colour = colours[zone.colour] ?? { zh: zone.colour, tone: "plain" };
    if (
      !this.#everything &&
      zone.colour !== "red" &&
      zone.colour !== "yellow" &&
      (before === undefined || before === "unknown")
    )
      return undefined;
    if (!this.#everything && zone.colour === "unknown") return undefined;
    return {
      tone: colour.tone,
      zh: `区域 ${zone.zoneId} 转${colour.zh}`,
      en: `zone ${zone.zoneId} turns ${zone.colour}`,
    };
  }

  #isNew(what: string, value: string): boolean {
    const changed = this.#last.get(what) !== value;
    this.#last.set(what, value);
    return changed;
  }
}

function alarmLine(alarm: CityAlarm, late: boolean): Omit<Tale, "from"> {
  const step = steps[alarm.step ?? ""] ?? { zh: alarm.step ?? "", en: alarm.step ?? "" };
  const severity = severities[alarm.severity] ?? { zh: alarm.severity, en: alarm.severity, tone: "plain" };
  const over = alarm.step === "returned" || alarm.step === "closed" || alarm.step === "acknowledged";
  return {
    tone: over ? "good" : severity.tone,
    zh: `【${severity.zh}】${step.zh}${late ? "（补发）" : ""} ${alarm.explanation.zh}`,
    en: `[${severity.en}] ${step.en}${late ? " (late)" : ""}: ${alarm.explanation.en}`,
  };
}
