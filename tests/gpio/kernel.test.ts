import { beforeAll, describe, expect, it } from "vitest";
import { parseInfo } from "../../drivers/dry-contact/gpiod-output.ts";
import { bootMachine, buildMachine } from "./machine.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] === "1";
/** A folder with gpiod tools of another version than Debian's. */
const gpiod = process.env["ZHIAN_GPIOD_TOOLS"];

/** What the machine found, by the name of what was looked at. */
const found = new Map<string, unknown>();
const lines: string[] = [];

/** It needs Debian's packages (250 MB), a compiler and some minutes of software emulation: only in the nightly command. */
describe.runIf(nightly)("on a Linux kernel with simulated GPIO chips, in a virtual machine", () => {
  beforeAll(async () => {
    const started = performance.now();
    const say = (line: string) => process.stderr.write(`gpio machine: ${line}\n`);
    const machine = buildMachine(say, gpiod);
    await bootMachine(machine, (line) => {
      lines.push(line);
      const said = /^.*?GPIO (\{.*\})\s*$/.exec(line)?.[1];
      if (said === undefined) return;
      const { what, value }: { what: string; value: unknown } = JSON.parse(said);
      found.set(what, value);
    });
    say(`in all ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }, 1_200_000);

  it("the machine came to its end", () => {
    expect(found.get("over"), lines.slice(-30).join("\n")).toBe(true);
  });

  it("both ways are there, and both find the chips by their labels, numbered as they are", () => {
    const ways = [
      { backend: "chardev", usable: true },
      { backend: "sysfs", usable: true },
      { backend: "sysfs-polled", usable: true },
    ];
    expect(found.get("ways")).toMatchObject(ways);
    const [chardev, sysfs] = found.get("chips") as { chips: { name: string; label: string; base?: number }[] }[];
    const names = (chips: readonly { name: string; label: string }[] = []) =>
      chips.map(({ name, label }) => `${name} ${label}`).sort();
    expect(names(chardev?.chips)).toEqual(["gpiochip0 gpio-mockup-A", "gpiochip1 gpio-mockup-B"]);
    expect(names(sysfs?.chips)).toEqual(names(chardev?.chips));
    expect(sysfs?.chips.every(({ base = 0 }) => base > 0)).toBe(true);
  });

  it("gpioinfo of these tools is read whole: each line of both chips with its name, and nobody has them", () => {
    const names = ["A", "B"].flatMap((chip) =>
      Array.from({ length: chip === "A" ? 4 : 8 }, (_, n) => [chip, n] as const),
    );
    const expected = names.map(([chip, n]) => ({ offset: n, name: `gpio-mockup-${chip}-${n}`, output: false }));
    expect(parseInfo(String(found.get("gpioinfo")))).toEqual(expected);
  });

  describe.each(["chardev", "sysfs", "sysfs-polled"])("an input by %s", (backend) => {
    const of = (what: string) => found.get(`${backend} ${what}`);

    it("tells the level at start and both edges, once the debounce is over", () => {
      expect(of("level at start")).toEqual([true]);
      expect(of("both edges")).toEqual([true, false, true, false]);
      expect(of("falling edge after ms")).toBeGreaterThanOrEqual(45);
      expect(of("falling edge after ms")).toBeLessThan(2_000);
    });

    it("tells a contact that bounces once, and no pulse of 1 ms", () => {
      expect(of("bouncing contact")).toEqual([true]);
      expect(of("pulse of 1 ms")).toEqual([]);
    });

    it("tells a pulse of 400 ms (IEC 60839-11-1)", () => {
      expect(of("pulse of 400 ms")).toEqual([false, true]);
    });
  });

  describe.each(["chardev", "sysfs"])("an output by %s", (backend) => {
    const of = (what: string) => found.get(`${backend} ${what}`);

    it("is safe at start, follows, and is safe at stop", () => {
      expect(of("relay at start")).toBe(false);
      expect(of("relay on")).toMatchObject([{ ok: true, confirmed: true }, true]);
      expect(of("relay off")).toMatchObject([{ ok: true, confirmed: true }, false]);
      expect(of("relay at stop")).toBe(false);
      expect(of("output failed")).toBeUndefined();
    });

    it("goes back after its time, and at its bound however often it is asked", () => {
      expect(of("relay on for two seconds")).toMatchObject({ on: true });
      expect(of("relay at its bound")).toBeGreaterThanOrEqual(3_900);
      expect(of("relay at its bound")).toBeLessThan(10_000);
      expect(of("relay asked for too long")).toMatchObject({ ok: false, why: "forbidden" });
    });

    it("is safe soon after the gateway was killed, and at its bound while the gateway stands still", () => {
      expect(of("gateway killed with the relay on")).toEqual({ before: true, safeAfterMs: expect.any(Number) });
      expect(of("gateway stopped with the relay on")).toEqual({ before: true, safeAfterMs: expect.any(Number) });
    });

    it("is safe again when its guardian was killed and the session opened anew", () => {
      const guardian = of("guardian killed with the relay on");
      expect(guardian).toMatchObject({ before: true, told: "gone link-lost", after: false });
    });
  });

  it("what is not there or not ours is told by its code, with what there is", () => {
    expect(found.get("unknown chip")).toMatch(/^GPIO_ABSENT .*there is gpio-mockup-A/);
    expect(found.get("number of sysfs")).toMatch(/^GPIO_ABSENT .*write the label/);
    expect(found.get("unknown line")).toMatch(/^GPIO_ABSENT .*lines 0 to 7/);
    expect(found.get("unknown name")).toMatch(/^GPIO_ABSENT .*no line named DOOR/);
    for (const what of ["busy line by chardev", "busy line by sysfs", "busy output by sysfs"]) {
      expect(found.get(what)).toMatch(/^GPIO_BUSY/);
    }
  });

  it("a line is found by its name, and active low is turned round", () => {
    expect(found.get("named line, active low")).toEqual([true]);
  });
});

it.skipIf(nightly)("the kernel test runs in the nightly command: npm run test:nightly", ({ skip }) => {
  skip("needs a virtual machine: some minutes and 250 MB of packages");
});
