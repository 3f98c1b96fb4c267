// What `npm test` runs, and CI with it: every check in order, each with its time, all of them even where one fails.
// `--nightly` lets the long tests run to their full length (ZHIAN_NIGHTLY=1).
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const nightly = process.argv.includes("--nightly");
const results = join(root, "coverage", "results.json");
const env = {
  ...process.env,
  // Debian keeps mosquitto in /usr/sbin, which is not on the path of everybody.
  PATH: [join(root, "node_modules", ".bin"), process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
  ...(nightly ? { ZHIAN_NIGHTLY: "1" } : {}),
};

const steps = [
  ["types", "tsc", "-p", "tsconfig.json"],
  ["lint and format", "biome", "check", "."],
  [
    "import directions",
    "depcruise",
    "--config",
    ".dependency-cruiser.cjs",
    "gateway",
    "drivers",
    "config",
    "simulators",
  ],
  ["unused code", "knip"],
  [
    "tests and coverage",
    "vitest",
    "run",
    "--coverage",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${results}`,
  ],
];

mkdirSync(join(root, "coverage"), { recursive: true });
rmSync(results, { force: true });
const outcome = steps.map(([name, command, ...args]) => {
  console.log(`\n── ${name}: ${command} ${args.slice(0, 3).join(" ")}`);
  const started = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined)
    console.error(`${command} could not be run: ${error.message}. Run: node scripts/setup.mjs test`);
  return { name, ok: status === 0, seconds: (performance.now() - started) / 1000 };
});

console.log("");
for (const { name, ok, seconds } of outcome) {
  console.log(`${ok ? "ok  " : "FAIL"}  ${name.padEnd(20)} ${seconds.toFixed(1).padStart(7)} s`);
}
const counts = readCounts();
if (counts !== undefined) console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = outcome.every(({ ok }) => ok) && counts !== undefined && counts.passed > 0 ? 0 : 1;

function readCounts() {
  try {
    const report = JSON.parse(readFileSync(results, "utf8"));
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
    return { passed, failed, skipped };
  } catch {
    console.error("The tests gave no result.");
    return undefined;
  }
}
