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
export interface Heard {
  readonly tale?: Tale;
  readonly signInUrl?: string;
}

export function hearGateway(line: string): Heard {
  const entry = parse(line);
  if (entry === undefined) return {};
  const { level, msg, signInUrl, alarm, rule, step, subject } = entry;
  if (signInUrl !== undefined) return { signInUrl };
  if (alarm !== undefined && step !== undefined) {
    const about = [rule, subject].filter((word) => word !== undefined).join(" / ");
    return {
      tale: { from: "gateway", tone: "plain", zh: `规则 ${about} → ${step}`, en: `alarm ${alarm}` },
    };
  }
  if (level === "error") return { tale: { from: "gateway", tone: "bad", zh: "出错", en: msg } };
  return {};
}

function parse(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
