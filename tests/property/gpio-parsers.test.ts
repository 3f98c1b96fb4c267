import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  isBanner,
  parseDetected,
  parseEdge,
  parseInfo,
  parseLevel,
  parseVersion,
} from "../../drivers/dry-contact/gpiod-output.ts";
import { parseRequest, parseWord } from "../../drivers/dry-contact/guardian-words.ts";
import { sysfsChips } from "../../drivers/dry-contact/sysfs-chips.ts";
import { TextLines } from "../../drivers/dry-contact/text-lines.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;

const seeds = [
  "gpiodetect (libgpiod) v1.6.3",
  "gpiodetect (libgpiod) v2.2.1",
  "gpiochip0 [pinctrl-bcm2835] (54 lines)",
  "gpiochip0 - 54 lines:",
  '\tline   3:      "GPIO3"    "gpiomon"   input  active-high [used]',
  "\tline   4:      unnamed       unused  output  active-low [open-drain pull-up]",
  '\tline   7:\t"RELAY_CH1"     \toutput active-low drive=open-drain consumer="gpioset"',
  "edge 1 1234 567890123",
  "edge falling 1234.567890123",
  "Monitoring line '3'...",
  "0",
  '{"n":1,"ask":"set","id":"siren","on":true,"forMs":500}',
  '{"n":1,"ok":false,"code":"GPIO_BUSY","message":"x"}',
  '{"event":"stuck","id":"siren","message":"x"}',
];

/** A sample with pieces taken out, doubled, exchanged, or anything at all. */
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .tuple(fc.constantFrom(...seeds), fc.nat(), fc.nat(), fc.string({ unit: "binary", maxLength: 12 }))
    .map(([seed, from, length, put]) => {
      const at = from % (seed.length + 1);
      return seed.slice(0, at) + put + seed.slice(at + (length % 8));
    }),
  fc.array(fc.constantFrom(...seeds), { maxLength: 4 }).map((lines) => lines.join("\n")),
);

describe("the parsers of the gpiod tools", () => {
  test("take any text, and give nothing but what is in bounds", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const version = parseVersion(text);
        if (version !== undefined) expect([1, 2]).toContain(version.generation);
        for (const { name, lines } of parseDetected(text)) {
          expect(name).toMatch(/^gpiochip\d+$/);
          expect(Number.isSafeInteger(lines)).toBe(true);
        }
        for (const { offset, name } of parseInfo(text)) {
          expect(Number.isSafeInteger(offset) && offset >= 0).toBe(true);
          expect(name ?? "").not.toContain('"');
        }
        const edge = parseEdge(text);
        if (edge !== undefined) expect(edge.timestampNs >= 0n).toBe(true);
        expect([true, false, undefined]).toContain(parseLevel(text));
        expect([true, false]).toContain(isBanner(text));
        const request = parseRequest(text);
        if (request?.ask === "set") expect(request.forMs ?? 1).toBeGreaterThan(0);
        parseWord(text);
      }),
      { numRuns },
    );
  });

  test("read back what either generation writes of an edge, to the nanosecond", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(2 ** 31 - 1), fc.nat(999_999_999), (rising, seconds, ns) => {
        const timestampNs = BigInt(seconds) * 1_000_000_000n + BigInt(ns);
        const old = `edge ${rising ? 1 : 0} ${seconds} ${ns}`;
        const now = `edge ${rising ? "rising" : "falling"} ${seconds}.${String(ns).padStart(9, "0")}`;
        expect(parseEdge(old)).toEqual({ rising, timestampNs });
        expect(parseEdge(now)).toEqual({ rising, timestampNs });
      }),
      { numRuns },
    );
  });

  test("get the same lines however the pipe cuts them, and no line is longer than its bound", () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 50 })), (parts, cuts) => {
        const bytes = Buffer.from(`${parts.join("\n")}\n`, "latin1");
        const whole: string[] = [];
        new TextLines((line) => whole.push(line)).take(bytes);
        const cut: string[] = [];
        const lines = new TextLines((line) => cut.push(line));
        let at = 0;
        for (const length of [...cuts, bytes.length]) {
          lines.take(bytes.subarray(at, at + length));
          at += length;
        }
        expect(cut).toEqual(whole);
        expect(cut.every((line) => line.length <= 4096)).toBe(true);
      }),
      { numRuns },
    );
  });
});

describe("the resolution by sysfs", () => {
  const folder = mkdtempSync(join(tmpdir(), "zhian-gpio-fuzz-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const odd = fc.oneof(fc.constantFrom("512", "8", "-1", "1e3", "0x10", "", "999999999999", "512 "), fc.string());
  let n = 0;

  test("gives only chips of which label, first number and count are certain", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            name: fc.constantFrom("gpiochip0", "gpiochip512", "gpiochip571", "gpiochipX", "export", "gpio515"),
            label: fc.option(odd),
            base: fc.option(odd),
            ngpio: fc.option(odd),
            device: fc.option(fc.constantFrom("a.gpio", "b.gpio", "nowhere")),
          }),
          { maxLength: 4 },
        ),
        async (chips) => {
          const root = join(folder, String(n++));
          for (const device of ["a.gpio/gpiochip0", "b.gpio/gpiochip1", "b.gpio/gpiochip2"]) {
            mkdirSync(join(root, "sys/devices", device), { recursive: true });
            mkdirSync(join(root, "sys/bus/gpio/devices"), { recursive: true });
            symlinkSync(join(root, "sys/devices", device), join(root, "sys/bus/gpio/devices", device.slice(7)));
          }
          mkdirSync(join(root, "sys/class/gpio"), { recursive: true });
          const seen = new Set<string>();
          for (const { name, label, base, ngpio, device } of chips) {
            if (seen.has(name)) continue;
            seen.add(name);
            const chip = join(root, "sys/class/gpio", name);
            mkdirSync(chip);
            if (label !== null) writeFileSync(join(chip, "label"), label);
            if (base !== null) writeFileSync(join(chip, "base"), base);
            if (ngpio !== null) writeFileSync(join(chip, "ngpio"), ngpio);
            if (device !== null) symlinkSync(join(root, "sys/devices", device), join(chip, "device"));
          }
          const found = await sysfsChips(root);
          for (const { name, label, base = -1, lines } of found) {
            expect(label).not.toBe("");
            expect(base).toBeGreaterThanOrEqual(0);
            expect(Number.isSafeInteger(base + lines)).toBe(true);
            // The device b has two chips of the character device: which of them this is nobody knows.
            expect(name).toMatch(/^(gpiochip0|base \d+)$/);
          }
          const names = found.map(({ name }) => name).filter((name) => name.startsWith("gpiochip"));
          expect(new Set(names).size).toBe(names.length);
          rmSync(root, { recursive: true });
        },
      ),
      { numRuns: nightly ? 1_000 : 40 },
    );
  }, 240_000);
});
