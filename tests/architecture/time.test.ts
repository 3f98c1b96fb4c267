import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
/** `setImmediate` is no timer: it yields to the event loop and says nothing about time. */
const forbidden =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bset(?:Timeout|Interval)\b|\btimers\/promises\b/;
const clock = "gateway/ops/system-clock.ts";
/** The guardian of the outputs is a process of its own: no gateway is in it that could give it a clock. */
const sources = [clock, "drivers/dry-contact/guardian-process.ts"];

const findings = (text: string): string[] =>
  code(text)
    .split("\n")
    .filter((line) => forbidden.test(line));

/** Comments may name what code may not. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

const files = globSync("{gateway,drivers,config}/**/*.ts", { cwd: root }).filter(
  (file) => !file.endsWith(".test.ts") && !file.includes("/web/"),
);

describe("time", () => {
  it("comes from the clock port alone, in the gateway and in every driver", () => {
    expect(files.length).toBeGreaterThan(50);
    const wrong = files
      .filter((file) => !sources.includes(file))
      .flatMap((file) => findings(readFileSync(resolve(root, file), "utf8")).map((line) => `${file}: ${line.trim()}`));
    expect(wrong).toEqual([]);
  });

  it("that slips in by another way is found, and a comment is not", () => {
    expect(findings(readFileSync(resolve(root, clock), "utf8"))).not.toEqual([]);
    expect(findings("const at = Date.now();\nawait setTimeout(5);\nlet x = new Date().toISOString();")).toHaveLength(3);
    expect(findings("/** never setTimeout */\n// not Date.now\nnew Date(at); setImmediate(go);")).toEqual([]);
  });
});
