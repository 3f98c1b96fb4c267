import { execFile } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

const root = resolve(import.meta.dirname, "../..");
const rules = ".dependency-cruiser.cjs";
const folders = ["gateway", "drivers", "config", "simulators"];

const reportSchema = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

/** Runs the checker as `npm test` does, with a report for programs. */
async function cruise(dir: string): Promise<z.infer<typeof reportSchema>> {
  const program = join(root, "node_modules/.bin/depcruise");
  const output = await new Promise<string>((done, failed) => {
    execFile(
      process.execPath,
      [program, "--config", rules, "--output-type", "json", ...folders],
      { cwd: dir, maxBuffer: 64 * 1024 * 1024 },
      // Its exit code is the number of violations: the report tells more.
      (error, stdout) => (stdout === "" && error !== null ? failed(error) : done(stdout)),
    );
  });
  return reportSchema.parse(JSON.parse(output));
}

const violations = (report: z.infer<typeof reportSchema>): string[] =>
  report.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);

describe("the directions of imports", () => {
  it("hold in every source file there is", async () => {
    const report = await cruise(root);
    const seen = new Set(report.modules.map(({ source }) => source));
    const sources = folders.flatMap((folder) =>
      globSync(`${folder}/**/*.ts`, { cwd: root }).filter((file) => !file.includes("/web/")),
    );
    expect(sources.length).toBeGreaterThan(50);
    // A checker that cannot read TypeScript sees no module and finds no violation.
    expect(sources.filter((file) => !seen.has(file))).toEqual([]);
    expect(violations(report)).toEqual([]);
  });
});

describe("a planted import", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "zhian-directions-"));
    for (const file of [rules, "tsconfig.json"]) cpSync(join(root, file), join(dir, file));
    plant(
      "package.json",
      JSON.stringify({ name: "x", type: "module", dependencies: packages, devDependencies: { ajv: "1" } }),
    );
    for (const name of [...Object.keys(packages), "ajv"]) {
      plant(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
      plant(`node_modules/${name}/index.js`, "module.exports = {};\n");
    }
    for (const [file, text] of Object.entries(house)) plant(file, text);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const packages = { zod: "1", mqtt: "1", aedes: "1", "better-sqlite3": "1" };
  const house: Readonly<Record<string, string>> = {
    "gateway/domain/alarm.ts": 'import "zod";\n',
    "gateway/ports/logs.ts": 'import "../domain/alarm.ts";\n',
    "gateway/log/database.ts": 'import "better-sqlite3";\nimport "../ports/logs.ts";\n',
    "gateway/uplink/wire.ts": 'import "mqtt";\n',
    "gateway/ingress/broker.ts": 'import "aedes";\n',
    "gateway/fusion/engine.ts": "export {};\n",
    "gateway/gateway.ts": 'import "./log/database.ts";\nimport "./uplink/wire.ts";\n',
    "gateway/commands/run.ts": 'import "../gateway.ts";\nimport "../../config/load.ts";\n',
    "config/load.ts": 'import "../gateway/domain/alarm.ts";\n',
    "drivers/drivers.ts": 'import "./camera/manifest.ts";\nimport "./terminal/manifest.ts";\n',
    "drivers/camera/manifest.ts": 'import "../facesluice/session.ts";\n',
    "drivers/terminal/manifest.ts": 'import "../facesluice/session.ts";\n',
    "drivers/facesluice/session.ts": 'import "../../gateway/ports/logs.ts";\n',
    "simulators/city/city.ts": 'import "mqtt";\n',
    "tests/support/clock.ts": "export {};\n",
  };

  function plant(file: string, text: string): void {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }

  it("of none: a house in order has no violation", async () => {
    expect(violations(await cruise(dir))).toEqual([]);
  });

  it("against a direction is found, whichever it is", async () => {
    const planted = [
      ["domain-is-pure", "gateway/domain/a.ts", "node:fs"],
      ["domain-is-pure", "gateway/domain/b.ts", "../ports/logs.ts"],
      ["ports-are-words-of-the-domain", "gateway/ports/a.ts", "../log/database.ts"],
      ["rooms-meet-at-ports", "gateway/fusion/a.ts", "../log/database.ts"],
      ["rooms-meet-at-ports", "gateway/ops/a.ts", "../../config/load.ts"],
      ["rooms-meet-at-ports", "gateway/ingress/a.ts", "../../drivers/drivers.ts"],
      ["drivers-and-config-see-domain-and-ports", "config/a.ts", "../drivers/drivers.ts"],
      ["drivers-and-config-see-domain-and-ports", "drivers/camera/a.ts", "../../gateway/log/database.ts"],
      ["no-driver-imports-a-driver", "drivers/camera/b.ts", "../terminal/manifest.ts"],
      ["shared-parts-import-no-driver", "drivers/facesluice/a.ts", "../camera/manifest.ts"],
      ["simulators-share-nothing-with-what-they-test", "simulators/city/a.ts", "../../drivers/facesluice/session.ts"],
      ["simulators-share-nothing-with-what-they-test", "simulators/city/b.ts", "../../gateway/domain/alarm.ts"],
      ["the-product-imports-no-test", "gateway/log/a.ts", "../../tests/support/clock.ts"],
      ["nobody-imports-the-roof", "gateway/log/b.ts", "../gateway.ts"],
      ["better-sqlite3-in-its-place", "gateway/log/c.ts", "better-sqlite3"],
      ["mqtt-in-its-place", "gateway/uplink/a.ts", "mqtt"],
      ["aedes-in-its-place", "gateway/uplink/b.ts", "aedes"],
      ["the-product-needs-no-dev-package", "gateway/log/d.ts", "ajv"],
      ["nothing-unresolved", "gateway/log/e.ts", "./gone.ts"],
    ] as const;
    for (const [, file, target] of planted) plant(file, `import "${target}";\n`);
    const found = violations(await cruise(dir));
    for (const [rule, file] of planted) {
      expect(found.filter((line) => line.startsWith(`${rule}: ${file} →`))).toHaveLength(1);
    }
  });

  it("that only names a type counts like any other", async () => {
    plant("gateway/fusion/a.ts", 'import type { X } from "../log/database.ts";\nexport type Y = X;\n');
    expect(violations(await cruise(dir))).toEqual([
      "rooms-meet-at-ports: gateway/fusion/a.ts → gateway/log/database.ts",
    ]);
  });

  it("in a circle is found", async () => {
    plant("gateway/log/a.ts", 'import "./b.ts";\n');
    plant("gateway/log/b.ts", 'import "./a.ts";\n');
    expect(violations(await cruise(dir)).some((line) => line.startsWith("no-cycles: "))).toBe(true);
  });
});
