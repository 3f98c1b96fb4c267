import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError } from "./gpio-error.ts";
import type { GpioChip } from "./line-port.ts";

interface ClassChip {
  readonly label: string;
  readonly base: number;
  readonly lines: number;
  /** The device behind it, as an absolute path. */
  readonly device: string | undefined;
}

/**
 * The chips as sysfs has them now, each with the number of its first line. Class folders are named by that number
 * (`/sys/class/gpio/gpiochip512`), bus folders as the character devices are (`/sys/bus/gpio/devices/gpiochip0`); they
 * belong together where they hang on the same device. A chip of which that is not certain gets a name that nobody can write
 * in a configuration: its label alone finds it.
 */
export async function sysfsChips(root: string): Promise<readonly GpioChip[]> {
  const folder = join(root, "sys/class/gpio");
  const entries = await readdir(folder).catch((cause: unknown) => {
    throw fileError(`reading ${folder}`, cause);
  });
  const names = entries.filter((name) => /^gpiochip\d+$/.test(name)).sort(byNumber);
  const chips = await Promise.all(names.map((name) => classChip(join(folder, name))));
  const devices = await busDevices(join(root, "sys/bus/gpio/devices"));
  return chips.flatMap((chip) => {
    if (chip === undefined) return [];
    const { label, base, lines } = chip;
    const siblings = chips.filter((other) => other?.device === chip.device);
    const candidates = devices.filter(({ path, parent }) => chip.device === path || chip.device === parent);
    const certain = siblings.length === 1 && candidates.length === 1 ? candidates[0]?.name : undefined;
    return [{ name: certain ?? `base ${base}`, label, lines, base }];
  });
}

async function classChip(folder: string): Promise<ClassChip | undefined> {
  const [label, base, lines, device] = await Promise.all([
    text(join(folder, "label")),
    text(join(folder, "base")),
    text(join(folder, "ngpio")),
    realpath(join(folder, "device")).catch(() => undefined),
  ]);
  const [first, count] = [wholeNumber(base), wholeNumber(lines)];
  if (label === undefined || label === "" || first === undefined || count === undefined) return undefined;
  return { label, base: first, lines: count, device };
}

async function busDevices(folder: string): Promise<readonly { name: string; path: string; parent: string }[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^gpiochip\d+$/.test(name));
  const paths = await Promise.all(names.map((name) => realpath(join(folder, name)).catch(() => undefined)));
  return names.flatMap((name, index) => {
    const path = paths[index];
    return path === undefined ? [] : [{ name, path, parent: dirname(path) }];
  });
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").then(
    (content) => content.trim(),
    () => undefined,
  );
}

function wholeNumber(content: string | undefined): number | undefined {
  return content !== undefined && /^\d{1,9}$/.test(content) ? Number(content) : undefined;
}

const byNumber = (a: string, b: string): number => Number(a.slice(8)) - Number(b.slice(8));
