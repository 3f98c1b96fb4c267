import { z } from "zod";

const event = z.enum(["fire", "pre-alarm", "fault", "disabled", "supervisory", "normal", "reset", "test"]);
export type PanelEvent = z.infer<typeof event>;

/**
 * The first word that the event line contains counts: what takes an event back stands before the event. 首次火警, 设备故障 and
 * 系统复位 are from published messages; the others are what panels to GB 4717 call their events.
 */
const defaultWords: readonly { readonly text: string; readonly event: PanelEvent }[] = [
  ...[
    "火警恢复",
    "火警消除",
    "火警撤除",
    "报警恢复",
    "故障恢复",
    "故障消除",
    "故障排除",
    "恢复正常",
    "屏蔽释放",
    "释放屏蔽",
    "解除屏蔽",
    "取消屏蔽",
    "解除隔离",
  ].map((text) => ({ text, event: "normal" as const })),
  { text: "复位", event: "reset" },
  { text: "预警", event: "pre-alarm" },
  { text: "火警", event: "fire" },
  { text: "故障", event: "fault" },
  { text: "报警", event: "fire" },
  { text: "火灾", event: "fire" },
  { text: "屏蔽", event: "disabled" },
  { text: "隔离", event: "disabled" },
  { text: "自检", event: "test" },
  { text: "测试", event: "test" },
  { text: "恢复", event: "normal" },
  { text: "正常", event: "normal" },
  ...["监管", "启动", "反馈", "动作", "停动", "停止", "请求", "延时", "撤消", "撤销"].map((text) => ({
    text,
    event: "supervisory" as const,
  })),
];

/** What the words of one model of panel mean. */
export const gstProfileSchema = z.strictObject({
  words: z
    .array(z.strictObject({ text: z.string().min(1).max(32), event }))
    .min(1)
    .max(200)
    .default(() => [...defaultWords])
    .describe(
      "The first that the line with the event contains counts. What contains none is `supervisory`, with its text.",
    ),
});
export type GstProfile = z.output<typeof gstProfileSchema>;
