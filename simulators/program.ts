import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { storyLine, type Tale } from "./tale.ts";

/** A simulator as a process. `act` gets what stands on a line of standard input. */
export interface Program {
  /** Told once it runs, to whoever started the process: paths, ports. */
  readonly info?: Readonly<Record<string, unknown>>;
  act(command: unknown): void | Promise<void>;
  stop(): Promise<void>;
}

/** What such a process says on standard output with --json, a line each. */
export type Said =
  | { readonly type: "ready"; readonly info: Readonly<Record<string, unknown>> }
  | ({ readonly type: "tale" } & Tale)
  | { readonly type: "report"; readonly report: Readonly<Record<string, unknown>> };

export type Say = (said: Said) => void;

/**
 * Runs one: `--settings FILE` names its JSON settings, which hold secrets and so are no arguments. With `--json` it is
 * driven by its parent, obeys a JSON line each on standard input, and ends with it; else it tells people and ends by signal.
 */
export async function runProgram(open: (settings: unknown, say: Say) => Promise<Program>): Promise<void> {
  const { values } = parseArgs({
    options: { settings: { type: "string" }, json: { type: "boolean", default: false } },
  });
  const driven = values.json;
  if (values.settings === undefined) {
    process.stderr.write("usage: node main.ts --settings FILE.json [--json]\n");
    process.exit(2);
  }
  const say: Say = (said) => {
    if (driven) process.stdout.write(`${JSON.stringify(said)}\n`);
    else if (said.type === "tale") process.stdout.write(`${storyLine(said, Date.now())}\n`);
    else process.stdout.write(`${JSON.stringify(said.type === "ready" ? said.info : said.report)}\n`);
  };
  const program = await open(JSON.parse(readFileSync(values.settings, "utf8")), say);
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  process.on("SIGTERM", end);
  // Ctrl-C goes to the whole group; a parent that drives us ends us in its own order.
  process.on("SIGINT", () => {
    if (!driven) end();
  });
  process.stdout.on("error", () => end());
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line.trim() === "") return;
    void obey(program, line);
  });
  lines.on("close", () => {
    if (driven) end();
  });
  say({ type: "ready", info: program.info ?? {} });
  await over;
  await program.stop();
  process.exit(0);
}

async function obey(program: Program, line: string): Promise<void> {
  try {
    await program.act(JSON.parse(line));
  } catch (error) {
    process.stderr.write(`${line}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
