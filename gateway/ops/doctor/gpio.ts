import { type Finding, fail, ok, warn } from "./finding.ts";

/** What the driver of GPIO lines finds on this machine. */
export interface GpioSurvey {
  /** In the order in which they are taken. */
  readonly ways: readonly { readonly backend: string; readonly usable: boolean; readonly why: string }[];
  readonly chips: readonly FoundChip[];
}

interface FoundChip {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
  /** Lines of which more is known than their number. */
  readonly described: readonly { readonly offset: number; readonly name?: string; readonly usedBy?: string }[];
}

/** One configured contact or relay, looked for. */
export interface GpioPlaceFound {
  readonly deviceId: string;
  /** Where it is; or why it is not found. */
  readonly found?: string;
  readonly problem?: string;
}

/** Which way is taken and why, what chips there are, and whether each configured line is. */
export function checkGpio({ ways, chips }: GpioSurvey, places: readonly GpioPlaceFound[]): Finding[] {
  const needed = places.length > 0;
  const taken = ways.find(({ usable }) => usable);
  const others = ways.filter((way) => way !== taken && !way.usable).map(({ backend, why }) => `${backend}: ${why}`);
  if (taken === undefined) {
    const found = others.join("; ");
    if (!needed) return [ok("gpio", `not used, and not to be had: ${found}`)];
    return [fail("gpio", found, "docs/gpio.md says what a machine needs for contacts and relays.")];
  }
  const way = `${taken.backend} is taken: ${taken.why}${others.length === 0 ? "" : `; ${others.join("; ")}`}`;
  const polled = taken.backend === "sysfs-polled";
  const hint = "Inputs are read at intervals: install the gpiod tools, or build onoff's add-on, to be woken by edges.";
  return [
    polled ? warn("gpio", way, hint) : ok("gpio", way),
    ...chips.map(({ name, label, lines, described }) => {
      const known = described.map(({ offset, name: line, usedBy }) =>
        [offset, line ?? "", usedBy === undefined ? "" : `(in use: ${usedBy})`].filter((word) => word !== "").join(" "),
      );
      return ok(`gpio chip ${label}`, [`${name}, lines 0 to ${lines - 1}`, ...known].join("; "));
    }),
    ...places.map(({ deviceId, found, problem }) =>
      problem === undefined
        ? ok(`gpio line of ${deviceId}`, found ?? "")
        : fail(
            `gpio line of ${deviceId}`,
            problem,
            "Write one of the chips above, by its label, and a line that it has.",
          ),
    ),
  ];
}
