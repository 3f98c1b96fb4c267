import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfiguration } from "../../gateway/commands/configuration.ts";
import { ended } from "../../tests/support/mosquitto.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { scenarios } from "../scenarios/scenarios.ts";

/** Stands where the gateway stands: alive by HTTP, and a broker for nobody. */
const standIn = `
const listen = require("node:fs").readFileSync(process.argv.at(-1), "utf8").match(/console:\\s*listen: 127.0.0.1:(\\d+)/)[1];
require("node:http").createServer((_, answer) => answer.end("ok")).listen(Number(listen), "127.0.0.1");
console.log(JSON.stringify({ level: "info", msg: "console listening", signInUrl: "http://127.0.0.1/sign-in#code=1" }));
console.log(JSON.stringify({ level: "info", msg: "alarm", alarm: "a-1", rule: "fire", step: "raised", subject: "x" }));
console.log("PID " + process.pid);
`;
const demo = fileURLToPath(new URL("./demo.ts", import.meta.url));
const driver = (gateway: string, scenario: string) => `
import { tellDemo } from ${JSON.stringify(demo)};
process.exit(await tellDemo({
  scenario: ${JSON.stringify(scenario)},
  json: true,
  gateway: (file) => ({ command: process.execPath, args: ["-e", ${JSON.stringify(gateway)}, file] }),
}));`;

interface Line {
  readonly zh?: string;
  readonly en?: string;
  readonly from?: string;
  readonly signInUrl?: string;
  readonly dir?: string;
  readonly gatewayLog?: string;
  readonly summary?: object;
}

describe("the demo", () => {
  let data: string;
  let child: ChildProcess | undefined;
  let lines: Line[];
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "zhian-demo-test-"));
    lines = [];
  });
  afterEach(async () => {
    if (child !== undefined) await ended(child, "SIGKILL");
    rmSync(data, { recursive: true, force: true });
  });

  function start(gateway = standIn, scenario = "quiet"): ChildProcess {
    const started = spawn(process.execPath, ["--input-type=module", "-e", driver(gateway, scenario)], {
      env: { ...process.env, ZHIAN_DATA: data },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    createInterface({ input: Duplex.from(started.stdout) }).on("line", (line) => lines.push(JSON.parse(line)));
    return started;
  }
  const told = (text: string) => waitFor(text, () => lines.find(({ en }) => en?.includes(text)));
  const code = (process: ChildProcess) => new Promise((resolve) => process.once("exit", resolve));

  it("plays, tells where everything is, and stops all its processes when it is interrupted", async () => {
    const started = start();
    await told("scenario quiet");
    await told("alarm a-1");
    expect(lines[0]?.en).toContain("setting up");
    expect(lines.some(({ signInUrl }) => signInUrl?.includes("#code=1"))).toBe(true);
    const log = lines.find(({ gatewayLog }) => gatewayLog !== undefined)?.gatewayLog ?? "";
    const pid = Number(await waitFor("the log", () => /PID (\d+)/.exec(readFileSync(log, "utf8"))?.[1]));
    expect(() => process.kill(pid, 0)).not.toThrow();
    const exit = code(started);
    started.kill("SIGINT");
    expect(await exit).toBe(0);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("leaves nothing behind when it is killed", async () => {
    const started = start();
    await told("scenario quiet");
    const log = lines.find(({ gatewayLog }) => gatewayLog !== undefined)?.gatewayLog ?? "";
    const pid = Number(await waitFor("the log", () => /PID (\d+)/.exec(readFileSync(log, "utf8"))?.[1]));
    await ended(started, "SIGKILL");
    await waitFor("the end of the gateway", () => gone(pid));
  });

  it("writes a configuration that is checked without a mistake, and secrets that only the owner may read", async () => {
    start();
    await told("scenario quiet");
    const loaded = loadConfiguration(join(data, "demo.yaml"));
    expect(loaded).toMatchObject({ ok: true, warnings: [] });
    expect(statSync(join(data, "secrets", "gate-east")).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "secrets", "city.json")).mode & 0o777).toBe(0o600);
  });

  it("says which process died and why, and ends with 1", async () => {
    const started = start('console.error("no such luck"); process.exit(7);');
    expect(await code(started)).toBe(1);
    const obituary = lines.find(({ en }) => en?.includes("the gateway ended unexpectedly"));
    expect(obituary?.en).toContain("exit code 7");
    expect(obituary?.en).toContain("no such luck");
  });

  it.runIf(process.env["ZHIAN_NIGHTLY"] === "1").each(scenarios.map(({ name }) => name))(
    "plays %s around the real gateway, and the city hears of all of it and of nothing else",
    async (scenario) => {
      const main = fileURLToPath(new URL("../../gateway/main.ts", import.meta.url));
      const started = spawn(process.execPath, [main, "start", "--once", "--json", "--scenario", scenario], {
        env: { ...process.env, ZHIAN_DATA: data },
        stdio: ["ignore", "pipe", "inherit"],
      });
      child = started;
      createInterface({ input: Duplex.from(started.stdout) }).on("line", (line) => lines.push(JSON.parse(line)));
      expect(await code(started)).toBe(0);
      expect(lines.find(({ summary }) => summary !== undefined)?.summary).toMatchObject({ ok: true, missing: [] });
    },
    180_000,
  );

  it("refuses a scenario that it does not know, with those that it does", async () => {
    const started = start(standIn, "earthquake");
    let complaint = "";
    started.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    expect(await code(started)).toBe(2);
    await waitFor("the complaint", () => complaint.includes("evening, fire, throw, night-outage, quiet"));
  });
});

function gone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
