import { access, constants, readdir } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { ChardevLines } from "./chardev-lines.ts";
import { GpiodTools } from "./gpiod-tools.ts";
import type { BackendName, GpioLines } from "./line-port.ts";
import { loadOnoff, onoffInput } from "./onoff-input.ts";
import { SysfsLines } from "./sysfs-lines.ts";

/** One way to the lines, and whether this machine has it. */
export interface BackendFinding {
  readonly backend: BackendName;
  readonly usable: boolean;
  /** What was found, and if it is not usable what to do. */
  readonly why: string;
  /** The rights alone are missing. */
  readonly denied: boolean;
  readonly lines?: GpioLines;
}

/** The ways in the order in which they are taken. With another root than / there is no kernel behind it to wake onoff. */
export async function surveyBackends(
  root: string,
  clock: Clock,
  direction: "in" | "out" = "in",
): Promise<readonly BackendFinding[]> {
  const [chardev, sysfs] = await Promise.all([surveyChardev(root, clock), surveySysfs(root)]);
  const plain = sysfs.usable ? { ...sysfs, lines: new SysfsLines({ root, clock }) } : sysfs;
  const edges = direction === "out" ? plain : await withOnoff(root, clock, sysfs);
  return [chardev, edges, { ...plain, backend: "sysfs-polled" }];
}

/**
 * The way that is wanted, or with `auto` the first that is there. An output has no edges to hear, so sysfs needs no add-on
 * for it. Rejects with GPIO_ABSENT or GPIO_DENIED and what to do.
 */
export async function openLines(
  root: string,
  wanted: BackendName | "auto",
  direction: "in" | "out",
  clock: Clock,
): Promise<GpioLines> {
  const findings = await surveyBackends(root, clock, direction);
  const asked = findings.filter(({ backend }) => wanted === "auto" || backend === wanted);
  const lines = asked.find(({ usable }) => usable)?.lines;
  if (lines !== undefined) return lines;
  const code = asked.some(({ denied }) => denied) ? "GPIO_DENIED" : "GPIO_ABSENT";
  throw new GatewayError(code, asked.map(({ backend, why }) => `${backend}: ${why}`).join("; "));
}

async function surveyChardev(root: string, clock: Clock): Promise<BackendFinding> {
  const entries = await readdir(join(root, "dev")).catch(() => []);
  const devices = entries.filter((name) => /^gpiochip\d+$/.test(name)).map((name) => join(root, "dev", name));
  const none = { backend: "chardev", usable: false, denied: false } as const;
  if (devices.length === 0)
    return { ...none, why: `no ${join(root, "dev")}/gpiochip*: this kernel knows no GPIO chip` };
  const open = await Promise.all(devices.map((device) => holds(access(device, constants.R_OK | constants.W_OK))));
  if (!open.includes(true)) {
    return { ...none, denied: true, why: `no right to open ${devices.join(", ")}: docs/gpio.md has the udev rule` };
  }
  const tools = await GpiodTools.find(root);
  if (typeof tools === "string") return { ...none, why: tools };
  const why = `gpiod tools ${tools.version.text}, ${devices.length === 1 ? "1 chip" : `${devices.length} chips`}`;
  return { backend: "chardev", usable: true, denied: false, why, lines: new ChardevLines(tools, clock) };
}

async function surveySysfs(root: string): Promise<BackendFinding> {
  const file = join(root, "sys/class/gpio/export");
  const found = { backend: "sysfs", denied: false } as const;
  if (!(await holds(access(file)))) return { ...found, usable: false, why: "this kernel was built without sysfs GPIO" };
  if (await holds(access(file, constants.W_OK))) return { ...found, usable: true, why: "sysfs GPIO" };
  return { ...found, usable: false, denied: true, why: `no right to write ${file}: docs/gpio.md has the udev rule` };
}

async function withOnoff(root: string, clock: Clock, sysfs: BackendFinding): Promise<BackendFinding> {
  if (!sysfs.usable) return sysfs;
  if (root !== "/")
    return { ...sysfs, usable: false, why: `onoff knows no other place than /sys, and this is ${root}` };
  const Onoff = await loadOnoff();
  if (typeof Onoff === "string") {
    const why = `onoff does not load (${Onoff}): npm rebuild epoll with a compiler and python3, or use sysfs-polled`;
    return { ...sysfs, usable: false, why };
  }
  const lines = new SysfsLines({ root, clock, onoff: (...args) => onoffInput(Onoff, ...args) });
  return { ...sysfs, why: "sysfs GPIO with onoff", lines };
}

function holds(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
