import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeChipOptions {
  readonly label?: string;
  readonly lines?: number;
  /** Number of its first line in sysfs. */
  readonly base?: number;
  /** Names of its first lines. */
  readonly names?: readonly string[];
  /** Of the gpiod tools; absent: they are not installed. Python 3 runs them. */
  readonly gpiod?: "1.6.3" | "2.2.1";
  /** Without it the kernel has no sysfs GPIO. */
  readonly sysfs?: boolean;
  /** `gpiochip0`. */
  readonly name?: string;
  /** Another chip's machine, to which this one is added. */
  readonly beside?: FakeChip;
}

const tools = ["gpiodetect", "gpioinfo", "gpioget", "gpiomon", "gpioset"];

/**
 * A GPIO chip in a folder that stands in for /: sysfs, device and gpiod tools, as far as programs look at them. Contacts are
 * set here; what is driven is read here. No kernel and no rights are needed.
 */
export class FakeChip {
  readonly root: string;
  readonly name: string;
  readonly label: string;
  readonly base: number;
  readonly #options: FakeChipOptions;
  readonly #lines: number;
  readonly #state: string;
  readonly #watchers: FSWatcher[] = [];

  constructor(options: FakeChipOptions = {}) {
    const { label = "fake-gpio", lines = 8, base = 512, name = "gpiochip0" } = options;
    this.root = options.beside?.root ?? mkdtempSync(join(tmpdir(), "zhian-gpio-"));
    this.name = name;
    this.label = label;
    this.base = base;
    this.#options = options;
    this.#lines = lines;
    this.#state = join(this.root, "state", name);
    this.plug();
    if (options.gpiod !== undefined) this.#install(options.gpiod);
  }

  /** The chip is there, each of its lines low; also again after `remove`. */
  plug(): void {
    const { names = [], sysfs = true } = this.#options;
    mkdirSync(this.#state, { recursive: true });
    mkdirSync(join(this.root, "dev"), { recursive: true });
    writeFileSync(join(this.root, "dev", this.name), "");
    writeFileSync(join(this.#state, "label"), this.label);
    writeFileSync(join(this.#state, "lines"), String(this.#lines));
    writeFileSync(join(this.#state, "names"), names.join("\n"));
    for (let offset = 0; offset < this.#lines; offset += 1) {
      writeFileSync(this.#file(offset, "level"), "0");
      writeFileSync(this.#file(offset, "edges"), "");
    }
    if (sysfs) this.#mount();
  }

  /** What is on the wire of an input. An edge is one only where the level changes. */
  set(offset: number, high: boolean): void {
    if (readFileSync(this.#file(offset, "level"), "utf8") === (high ? "1" : "0")) return;
    writeFileSync(this.#file(offset, "level"), high ? "1" : "0");
    const value = join(this.#line(offset), "value");
    if (existsSync(value)) writeFileSync(value, high ? "1\n" : "0\n");
    appendFileSync(this.#file(offset, "edges"), `${high ? 1 : 0} ${process.hrtime.bigint()}\n`);
  }

  /** A level that was there so briefly that only edges tell of it. */
  pulse(offset: number, lengthMs: number): void {
    const high = readFileSync(this.#file(offset, "level"), "utf8") === "1";
    const end = process.hrtime.bigint();
    const begin = end - BigInt(Math.round(lengthMs * 1_000_000));
    appendFileSync(this.#file(offset, "edges"), `${high ? 0 : 1} ${begin}\n${high ? 1 : 0} ${end}\n`);
  }

  /** A contact that bounces before it rests at `high`; all of it within `overMs` before now. */
  bounce(offset: number, high: boolean, times: number, overMs: number): void {
    const now = process.hrtime.bigint();
    const step = BigInt(Math.round((overMs * 1_000_000) / (2 * times + 1)));
    const edges = Array.from({ length: 2 * times + 1 }, (_, index) => {
      const level = index % 2 === 0 ? high : !high;
      return `${level ? 1 : 0} ${now - BigInt(2 * times - index) * step}\n`;
    });
    writeFileSync(this.#file(offset, "level"), high ? "1" : "0");
    const value = join(this.#line(offset), "value");
    if (existsSync(value)) writeFileSync(value, high ? "1\n" : "0\n");
    appendFileSync(this.#file(offset, "edges"), edges.join(""));
  }

  /** The level changes and no edge tells of it. */
  slip(offset: number, high: boolean): void {
    writeFileSync(this.#file(offset, "level"), high ? "1" : "0");
  }

  /** A line of `gpiomon` that is no edge. */
  babble(offset: number, words: string): void {
    appendFileSync(this.#file(offset, "edges"), `${words} here\n`);
  }

  /** `gpioget` of all chips gives nonsense instead of levels. */
  confuse(on: boolean): void {
    const file = join(this.root, "state", "babble");
    if (on) writeFileSync(file, "");
    else rmSync(file, { force: true });
  }

  /** The user may not request lines. */
  deny(on: boolean): void {
    if (on) writeFileSync(join(this.#state, "denied"), "");
    else rmSync(join(this.#state, "denied"), { force: true });
  }

  /** How often a gpiomon has begun to listen to the line since the last call. */
  heard(offset: number): boolean {
    const file = this.#file(offset, "heard");
    if (!existsSync(file)) return false;
    rmSync(file);
    return true;
  }

  /** The levels that were driven, oldest first; by the gpiod tools with the time in ns of the monotonic clock. */
  driven(offset: number): readonly { readonly high: boolean; readonly ns: bigint }[] {
    const file = this.#file(offset, "driven");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines.map((line) => ({ high: line.startsWith("1"), ns: BigInt(line.slice(2)) }));
  }

  /** The level of an output of sysfs; absent where the line is none. */
  value(offset: number): boolean | undefined {
    const read = (file: string) => readFileSync(join(this.#line(offset), file), "utf8").trim();
    if (!existsSync(this.#line(offset)) || read("direction") === "in") return undefined;
    return read("value") === "1";
  }

  /** The chip is gone: unplugged, or its driver. */
  remove(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    const gpio = join(this.root, "sys/class/gpio");
    const lines = Array.from({ length: this.#lines }, (_, offset) => this.#line(offset));
    const device = join(this.root, "sys/bus/gpio/devices", this.name);
    for (const path of [
      join(this.root, "dev", this.name),
      this.#state,
      join(gpio, `gpiochip${this.base}`),
      device,
      ...lines,
    ]) {
      rmSync(path, { recursive: true, force: true });
    }
  }

  close(): void {
    this.remove();
    rmSync(this.root, { recursive: true, force: true });
  }

  #file(offset: number, what: string): string {
    return join(this.#state, `${offset}.${what}`);
  }

  #line(offset: number): string {
    return join(this.root, "sys/class/gpio", `gpio${this.base + offset}`);
  }

  #install(version: string): void {
    const folder = join(this.root, "usr/bin");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(this.root, "state", "version"), version);
    for (const tool of tools) {
      const file = join(folder, tool);
      copyFileSync(join(import.meta.dirname, "gpiod-tool.py"), file);
      chmodSync(file, 0o755);
    }
  }

  #mount(): void {
    const gpio = join(this.root, "sys/class/gpio");
    const device = join(this.root, "sys/devices/platform", `${this.label}.${this.base}`);
    const chip = join(gpio, `gpiochip${this.base}`);
    mkdirSync(chip, { recursive: true });
    mkdirSync(join(device, this.name), { recursive: true });
    mkdirSync(join(this.root, "sys/bus/gpio/devices"), { recursive: true });
    symlinkSync(device, join(chip, "device"));
    symlinkSync(join(device, this.name), join(this.root, "sys/bus/gpio/devices", this.name));
    writeFileSync(join(chip, "label"), `${this.label}\n`);
    writeFileSync(join(chip, "base"), `${this.base}\n`);
    writeFileSync(join(chip, "ngpio"), `${this.#lines}\n`);
    for (const file of ["export", "unexport"]) {
      const path = join(gpio, file);
      if (!existsSync(path)) writeFileSync(path, "");
      this.#watchers.push(watch(path, () => this.#obey(file, path)));
    }
  }

  /** The kernel makes and removes the folder of a line when its number is written. */
  #obey(what: string, path: string): void {
    const number = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    const offset = Number(number) - this.base;
    if (number === "" || !(offset >= 0 && offset < this.#lines)) return;
    const folder = this.#line(offset);
    if (what === "unexport") {
      rmSync(folder, { recursive: true, force: true });
      return;
    }
    if (existsSync(folder)) return;
    mkdirSync(folder);
    writeFileSync(join(folder, "value"), `${readFileSync(this.#file(offset, "level"), "utf8")}\n`);
    writeFileSync(join(folder, "active_low"), "0\n");
    writeFileSync(join(folder, "edge"), "none\n");
    writeFileSync(join(folder, "direction"), "in\n");
  }
}
