import { z } from "zod";
import type { Tale } from "../tale.ts";

const lineSchema = z.looseObject({
  level: z.string(),
  msg: z.string(),
  signInUrl: z.string().optional(),
  alarm: z.string().optional(),
  rule: z.string().optional(),
  step: z.string().optional(),
  subject: z.string().optional(),
});

/** What of a line of the gateway's log belongs into the story; nothing of most. */
interface Heard {
  readonly tale?: Tale;
  readonly signInUrl?: string;
}

const steps: Record<string, string> = {
  raised: "触发警情",
  updated: "更新警情",
  returned: "警情恢复",
  acknowledged: "警情已确认",
  escalated: "警情升级",
  closed: "警情结案",
};

/** Picks the steps of alarms out of the gateway's log, and its errors, each kind once. */
export class GatewayVoice {
  readonly #errors = new Set<string>();

  hear(line: string): Heard {
    const entry = parse(line);
    if (entry === undefined) return {};
    const { level, msg, signInUrl, alarm, rule, step, subject } = entry;
    if (signInUrl !== undefined) return { signInUrl };
    if (alarm !== undefined && step !== undefined) {
      const about = subject === undefined ? "" : ` ${subject}`;
      const zh = `规则 ${rule}${about} ${steps[step] ?? step}`;
      return {
        tale: { from: "gateway", tone: "plain", zh, en: `rule ${rule}${about}: alarm ${alarm.slice(0, 8)} ${step}` },
      };
    }
    if (level !== "error" || this.#errors.has(msg)) return {};
    this.#errors.add(msg);
    return { tale: { from: "gateway", tone: "bad", zh: "出错（详见 gateway.log）", en: msg } };
  }
}

function parse(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
