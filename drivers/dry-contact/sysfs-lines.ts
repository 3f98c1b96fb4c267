import { access, constants, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { fileError } from "./gpio-error.ts";
import type { Bias, GpioChip, GpioLines, GpioPlace, InputEvents, InputLine, OutputLine } from "./line-port.ts";
import { sysfsChips } from "./sysfs-chips.ts";
import { PolledInput } from "./sysfs-polled-input.ts";

/** Where udev sets the rights of a new line, that takes it a moment. */
const usableWithinMs = 2_000;
const askAgainMs = 5;

export interface SysfsLinesParts {
  readonly root: string;
  readonly clock: Clock;
  /** Opens an input by onoff; absent where inputs are read at intervals instead. */
  readonly onoff?: (number: number, events: InputEvents, clock: Clock) => InputLine;
}

/** The lines below /sys/class/gpio: the kernel's old interface, not built into every kernel any more. */
export class SysfsLines implements GpioLines {
  readonly backend: "sysfs" | "sysfs-polled";
  readonly #parts: SysfsLinesParts;

  constructor(parts: SysfsLinesParts) {
    this.#parts = parts;
    this.backend = parts.onoff === undefined ? "sysfs-polled" : "sysfs";
  }

  chips(): Promise<readonly GpioChip[]> {
    return sysfsChips(this.#parts.root);
  }

  described(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  async input(place: GpioPlace, bias: Bias | undefined, events: InputEvents): Promise<InputLine> {
    const { root, clock, onoff } = this.#parts;
    const { folder, number } = await this.#exported(place, bias);
    if (onoff !== undefined) return onoff(number, events, clock);
    await write(join(folder, "direction"), "in");
    return new PolledInput({ folder, release: () => unexport(root, number), events, clock });
  }

  async output(place: GpioPlace, bias: Bias | undefined, high: boolean): Promise<OutputLine> {
    const { folder } = await this.#exported(place, bias);
    // One write sets direction and level, so that there is no moment of the wrong one.
    await write(join(folder, "direction"), high ? "high" : "low");
    const output = new SysfsOutput(join(folder, "value"));
    await output.drive(high);
    return output;
  }

  async #exported({ chip, offset }: GpioPlace, bias: Bias | undefined): Promise<{ folder: string; number: number }> {
    const { root, clock } = this.#parts;
    if (bias !== undefined) throw new GatewayError("GPIO_ABSENT", "sysfs cannot set a bias; use the character device");
    if (chip.base === undefined) throw new GatewayError("GPIO_ABSENT", `chip ${chip.label} has no number in sysfs`);
    const number = chip.base + offset;
    const folder = join(root, "sys/class/gpio", `gpio${number}`);
    const usable = () => access(join(folder, "direction"), constants.R_OK | constants.W_OK);
    if (!(await isThere(folder))) await write(join(root, "sys/class/gpio/export"), String(number));
    for (const until = clock.now() + usableWithinMs; clock.now() < until; ) {
      if (await holds(usable())) break;
      await new Promise<void>((resolve) => clock.after(askAgainMs, resolve));
    }
    await usable().catch((cause: unknown) => {
      throw fileError(`line ${offset} of ${chip.label} (gpio${number})`, cause);
    });
    // Levels here are those of the wire; another program may have left it turned round.
    await write(join(folder, "active_low"), "0");
    return { folder, number };
  }
}

class SysfsOutput implements OutputLine {
  readonly #value: string;
  #high = false;

  constructor(value: string) {
    this.#value = value;
  }

  async drive(high: boolean): Promise<void> {
    this.#high = high;
    await write(this.#value, high ? "1" : "0");
    await this.check();
  }

  async check(): Promise<void> {
    const level = await readFile(this.#value, "utf8").catch((cause: unknown) => {
      throw fileError(`reading ${this.#value}`, cause);
    });
    if (level.trim() === (this.#high ? "1" : "0")) return;
    throw new GatewayError(
      "GPIO_STUCK",
      `${this.#value} reads ${level.trim()} though ${this.#high ? 1 : 0} was written`,
    );
  }

  /** It stays exported: given back to the kernel, the line might become an input, and the relay float. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function unexport(root: string, number: number): Promise<void> {
  await writeFile(join(root, "sys/class/gpio/unexport"), String(number)).catch(() => {});
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: unknown) => {
    throw fileError(`writing ${text} to ${path}`, cause);
  });
}

function isThere(path: string): Promise<boolean> {
  return holds(access(path));
}

function holds(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
