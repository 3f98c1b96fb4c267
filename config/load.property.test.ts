// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a configuration writes its references so
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";

const site = new SiteFolder();
afterAll(() => site.remove());
const sample = sampleText.replace("generic-extinguisher", "own.yaml");

/** What people and editors do to a file by mistake, and characters that mean something to YAML. */
const edit = fc.record({
  at: fc.nat(sample.length),
  cut: fc.nat(12),
  put: fc.oneof(
    fc.constantFrom(
      "",
      "\n",
      "\t",
      "  ",
      "{",
      "}",
      "[",
      "]",
      ":",
      "- ",
      "#",
      '"',
      "'",
      "&a ",
      "*a",
      "!x ",
      "|",
      "---\n",
      "null",
      "~",
    ),
    fc.constantFrom(
      "${",
      "${}",
      "${X}",
      "${X:-}",
      "${file:}",
      "${file:secrets}",
      "${file:../..}",
      "__proto__: {}",
      "constructor: x",
    ),
    fc.constantFrom("99999999999999999999d", "1e999", "-1", ".nan", "0x1f", "true", "? [a]\n: b"),
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.integer({ min: 0, max: sample.length - 40 }).map((from) => sample.slice(from, from + 40)),
  ),
});

describe("any edit of the sample", () => {
  it("gives a configuration or mistakes with a place and words, never an exception and never a secret", () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        let text = sample;
        for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
        const result = site.load(text);
        if (result.ok) return;
        expect(result.mistakes.length).toBeGreaterThan(0);
        const lines = text.split("\n").length + 1;
        for (const mistake of result.mistakes) {
          expect(mistake.line).toBeGreaterThan(0);
          expect(mistake.line).toBeLessThanOrEqual(lines);
          expect(mistake.column).toBeGreaterThan(0);
          expect(mistake.found).not.toBe("");
          expect(mistake.expected).not.toBe("");
        }
        expect(JSON.stringify(result.mistakes)).not.toContain("canary");
      }),
      { numRuns: process.env["ZHIAN_NIGHTLY"] === "1" ? 20_000 : 500 },
    );
  });

  it("that nests without end, by an alias of itself or by doubling, is refused in bounded time", () => {
    const bomb = `a0: &a0 [x, x]\n${Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join("\n")}\n`;
    for (const text of [`site: &s { id: *s }\n`, bomb, "[".repeat(50_000), `a: ${"{ a: ".repeat(5_000)}1`]) {
      const started = performance.now();
      expect(site.load(text).ok).toBe(false);
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });
});
