import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { findPlace } from "./find-place.ts";
import type { GpioLines } from "./line-port.ts";
import { sysfsChips } from "./sysfs-chips.ts";

let first: FakeChip;
beforeEach(() => {
  first = new FakeChip({ label: "pinctrl-bcm2835", lines: 54, base: 512 });
});
afterEach(() => first.close());

const lines = (): GpioLines => ({
  backend: "sysfs",
  chips: () => sysfsChips(first.root),
  described: async () => [],
  input: () => Promise.reject(new Error("not here")),
  output: () => Promise.reject(new Error("not here")),
});
const place = async (chip: string, line: number | string) => {
  const { chip: found, offset } = await findPlace(lines(), chip, line);
  return [found.name, (found.base ?? 0) + offset];
};

it("a line by label and offset keeps its place when a kernel numbers its chips anew", async () => {
  expect(await place("pinctrl-bcm2835", 17)).toEqual(["gpiochip0", 529]);
  first.close();
  first = new FakeChip({ label: "pinctrl-bcm2835", lines: 54, base: 571 });
  expect(await place("pinctrl-bcm2835", 17)).toEqual(["gpiochip0", 588]);
  expect(await place("gpiochip0", 17)).toEqual(["gpiochip0", 588]);
});

it("a number of sysfs is refused, with the labels that there are", async () => {
  await expect(place("gpiochip512", 17)).rejects.toMatchObject({
    code: "GPIO_ABSENT",
    message: expect.stringMatching(/write the label.*pinctrl-bcm2835 \(gpiochip0, 54 lines\)/),
  });
});

it("a line beyond the chip, or by a name that sysfs cannot know, is refused", async () => {
  await expect(place("pinctrl-bcm2835", 54)).rejects.toThrow("lines 0 to 53, and no 54");
  await expect(place("pinctrl-bcm2835", "GPIO17")).rejects.toThrow("write its number");
});

it("of two chips with one label neither is guessed; their names tell them apart", async () => {
  const second = new FakeChip({ label: "pcf8574", lines: 8, base: 600, name: "gpiochip1", beside: first });
  const third = new FakeChip({ label: "pcf8574", lines: 8, base: 608, name: "gpiochip2", beside: first });
  await expect(place("pcf8574", 3)).rejects.toThrow("several chips are called pcf8574");
  expect(await place(third.name, 3)).toEqual(["gpiochip2", 611]);
  second.remove();
  expect(await place("pcf8574", 3)).toEqual(["gpiochip2", 611]);
});

it("chips on one device are told apart by their labels alone, since nobody knows which is which", async () => {
  const device = join(first.root, "sys/devices/platform/twin");
  for (const [base, label, name] of [
    [700, "bank-a", "gpiochip7"],
    [732, "bank-b", "gpiochip8"],
  ] as const) {
    const chip = join(first.root, "sys/class/gpio", `gpiochip${base}`);
    mkdirSync(chip);
    mkdirSync(join(device, name), { recursive: true });
    symlinkSync(device, join(chip, "device"));
    symlinkSync(join(device, name), join(first.root, "sys/bus/gpio/devices", name));
    writeFileSync(join(chip, "label"), label);
    writeFileSync(join(chip, "base"), String(base));
    writeFileSync(join(chip, "ngpio"), "32");
  }
  expect((await place("bank-b", 1))[1]).toBe(733);
  await expect(place("gpiochip7", 1)).rejects.toMatchObject({ code: "GPIO_ABSENT" });
});

it("without sysfs there is no chip, and that is told as such", async () => {
  rmSync(join(first.root, "sys"), { recursive: true });
  await expect(sysfsChips(first.root)).rejects.toMatchObject({ code: "GPIO_ABSENT" });
});
