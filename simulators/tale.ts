import colors from "picocolors";

export type Tone = "plain" | "good" | "warn" | "bad" | "faint";
export type Teller = "device" | "gateway" | "city" | "demo";

/** One line of a story, in both languages, without personal data. */
export interface Tale {
  readonly from: Teller;
  readonly tone: Tone;
  readonly zh: string;
  readonly en: string;
}

const prefixes: Record<Teller, string> = {
  device: "设备 device ",
  gateway: "网关 gateway",
  city: "城市 city   ",
  demo: "演示 demo   ",
};

const paints: Record<Tone, (text: string) => string> = {
  plain: (text) => text,
  good: colors.green,
  warn: colors.yellow,
  bad: (text) => colors.bold(colors.red(text)),
  faint: colors.dim,
};
const prefixPaints: Record<Teller, (text: string) => string> = {
  device: colors.cyan,
  gateway: colors.magenta,
  city: colors.blue,
  demo: colors.dim,
};

/** For people. NO_COLOR and outputs without colours are respected. */
export function storyLine({ from, tone, zh, en }: Tale, atMs: number): string {
  const time = new Date(atMs).toTimeString().slice(0, 8);
  return `${colors.dim(time)} ${prefixPaints[from](prefixes[from])} ${paints[tone](`${zh}  ·  ${en}`)}`;
}
