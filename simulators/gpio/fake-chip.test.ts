import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { FakeChip } from "./fake-chip.ts";

let chip: FakeChip;
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  chip.close();
});

const tool = (name: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(join(chip.root, "usr/bin", name), args, { encoding: "utf8" });
  return { status, out: stdout, err: stderr };
};

describe("the simulated gpiod tools", () => {
  it("know the options of their own generation only, as the real ones do", () => {
    chip = new FakeChip({ gpiod: "1.6.3" });
    expect(tool("gpiodetect", "--version").out).toContain("gpiodetect (libgpiod) v1.6.3\n");
    expect(tool("gpioget", "gpiochip0", "3")).toMatchObject({ status: 0, out: "0\n" });
    expect(tool("gpioget", "-c", "gpiochip0", "3")).toMatchObject({ status: 1, err: "gpioget: try gpioget --help\n" });
    chip.close();
    chip = new FakeChip({ gpiod: "2.2.1" });
    expect(tool("gpioget", "-c", "gpiochip0", "3")).toMatchObject({ status: 0, out: '"3"=inactive\n' });
    expect(tool("gpioget", "--numeric", "-c", "gpiochip0", "3").out).toBe("0\n");
    expect(tool("gpioset", "--mode=wait", "gpiochip0", "3=1").status).toBe(1);
  });

  it("keep a line to one of them, until it is gone", async () => {
    chip = new FakeChip({ gpiod: "2.2.1" });
    const monitor = spawn(join(chip.root, "usr/bin/gpiomon"), ["--banner", "-F", "%E", "-c", "gpiochip0", "3"]);
    children.push(monitor);
    const lines = createInterface({ input: monitor.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("Monitoring line '3'...");
    expect(tool("gpioget", "-c", "gpiochip0", "3").err).toContain("Device or resource busy");
    expect(tool("gpioinfo", "-c", "gpiochip0").out).toContain(
      '\tline   3:\tunnamed         \tinput consumer="gpiomon"',
    );
    chip.bounce(3, true, 1, 5);
    const heard = [await lines.next(), await lines.next(), await lines.next()].map(({ value }) => value);
    expect(heard).toEqual(["rising", "falling", "rising"]);
    const exit = once(monitor, "exit");
    monitor.kill("SIGKILL");
    await exit;
    expect(tool("gpioget", "--numeric", "-c", "gpiochip0", "3").out).toBe("1\n");
  });
});

it("a line of sysfs is made when its number is written, and its value follows the contact", async () => {
  chip = new FakeChip({ base: 571 });
  const folder = join(chip.root, "sys/class/gpio/gpio574");
  writeFileSync(join(chip.root, "sys/class/gpio/export"), "574");
  while (!existsSync(join(folder, "direction"))) await new Promise((resolve) => setImmediate(resolve));
  chip.set(3, true);
  expect(readFileSync(join(folder, "value"), "utf8")).toBe("1\n");
});
