/** The two generations of the tools; their options and output differ. Debian 12 has 1.6, Debian 13 has 2.2. */
export type GpiodGeneration = 1 | 2;

export interface GpiodVersion {
  readonly generation: GpiodGeneration;
  /** `1.6.3`. */
  readonly text: string;
}

/** First line of `gpiodetect --version`: `gpiodetect (libgpiod) v1.6.3`. Absent where it is another program. */
export function parseVersion(output: string): GpiodVersion | undefined {
  const match = /^gpiodetect \(libgpiod\) v((\d{1,3})\.\d{1,3}(?:\.\d{1,3})?[^\s]{0,16})/.exec(output);
  if (match === null) return undefined;
  const major = Number(match[2]);
  if (major < 1) return undefined;
  return { generation: major === 1 ? 1 : 2, text: match[1] ?? "" };
}

export interface DetectedChip {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
}

/** `gpiochip0 [pinctrl-bcm2835] (54 lines)`, a line each, the same in both generations. Others are left out. */
export function parseDetected(output: string): readonly DetectedChip[] {
  return output.split("\n").flatMap((line) => {
    const match = /^(gpiochip\d{1,6}) \[([^\]\n]{0,128})\] \((\d{1,6}) lines\)\s*$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? "", label: match[2] ?? "", lines: Number(match[3]) }];
  });
}

export interface InfoLine {
  readonly offset: number;
  readonly name?: string;
  /** Who has requested it; absent where nobody has. */
  readonly consumer?: string;
  readonly output: boolean;
}

/**
 * Lines of `gpioinfo` of one chip. 1.6: `line 3: "GPIO3" "gpiomon" input active-high [used]`, 2: `line 3: "GPIO3" input
 * consumer="gpiomon"`; both after a tab and with blanks or tabs between. Others are left out.
 */
export function parseInfo(output: string): readonly InfoLine[] {
  return output.split("\n").flatMap((line) => {
    const match = /^\s+line\s+(\d{1,6}):\s+("[^"]*"|[^\s"]+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    const [, offset, name = "", rest = ""] = match;
    const consumer = consumerOf(rest);
    return [
      {
        offset: Number(offset),
        ...(name.startsWith('"') ? { name: name.slice(1, -1) } : {}),
        ...(consumer === undefined ? {} : { consumer }),
        output: /(?:^|\s)output(?:\s|$)/.test(rest),
      },
    ];
  });
}

function consumerOf(rest: string): string | undefined {
  const second = /consumer="?([^"]*)"?/.exec(rest);
  if (second !== null) return second[1] ?? "";
  const first = /^(?:"([^"]*)"|(kernel)|unused)\s+(?:input|output)/.exec(rest);
  return first?.[1] ?? first?.[2];
}

/** `0` or `1`: the level of one line from `gpioget`, of generation 2 with `--numeric`. */
export function parseLevel(output: string): boolean | undefined {
  const match = /^([01])\s*$/.exec(output);
  return match === null ? undefined : match[1] === "1";
}

export interface EdgeLine {
  readonly rising: boolean;
  /** Of the kernel's event, ns of CLOCK_MONOTONIC (of the wall clock before Linux 5.7). */
  readonly timestampNs: bigint;
}

/** How `gpiomon` is told to write an edge, so that `parseEdge` reads it. */
export const edgeFormat: Record<GpiodGeneration, string> = { 1: "edge %e %s %n", 2: "edge %E %S" };

/** One line of `gpiomon`. Seconds and nanoseconds: in 1.6 two numbers, in 2 a decimal one of nine places. */
export function parseEdge(line: string): EdgeLine | undefined {
  const match = /^edge (0|1|falling|rising) (\d{1,12})(?: (\d{1,9})|\.(\d{9}))$/.exec(line);
  if (match === null) return undefined;
  const ns = match[3] ?? match[4] ?? "0";
  return {
    rising: match[1] === "1" || match[1] === "rising",
    timestampNs: BigInt(match[2] ?? "0") * 1_000_000_000n + BigInt(ns),
  };
}

/** Generation 2 with `--banner` says so once it has the line; 1.6 says nothing. */
export function isBanner(line: string): boolean {
  return /^(Monitoring|Setting) line/.test(line);
}
