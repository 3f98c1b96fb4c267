import { execFile } from "node:child_process";
import { type Finding, fail, ok, warn } from "./finding.ts";

const leastMajor = 24;
const loadedWithinMs = 20_000;

export function checkNode(version: string, platform: string): Finding {
  const found = `Node ${version} on ${platform}`;
  if (Number(version.split(".")[0]) >= leastMajor) return ok("node", found);
  return fail("node", found, `Install Node ${leastMajor}, or run it by npm: it brings its own.`);
}

/** A package with a native part, or one so large that it is loaded only where it is used. */
export interface Addon {
  readonly name: string;
  /** Loads it and returns what it is, as an expression over the module `m`. */
  readonly proof: string;
  /** What does not work without it; absent where the gateway does not run at all. */
  readonly without?: string;
}

export const addons: readonly Addon[] = [
  {
    name: "better-sqlite3",
    proof: "new m.default(':memory:').prepare('select sqlite_version()').pluck().get()",
  },
  { name: "serialport", proof: "typeof m.SerialPort === 'function' && 'bindings loaded'", without: "serial lines" },
];

export const onoffAddon: Addon = {
  name: "onoff",
  proof: "typeof m.Gpio === 'function' && 'epoll loaded'",
  without: "edges of GPIO lines by sysfs",
};

export const opcuaAddons: readonly Addon[] = ["node-opcua-client", "node-opcua-server"].map((name) => ({
  name,
  proof: "Object.keys(m).length > 0 && 'loaded'",
  without: "OPC UA",
}));

/** Loads it in a process of its own: one that was built for another Node may end the process instead of failing. */
export async function checkAddon({ name, proof, without }: Addon, needed: boolean, from: string): Promise<Finding> {
  const script = `const m = await import(${JSON.stringify(name)}); process.stdout.write(String(${proof}))`;
  const { ok: loads, out, err } = await run(["--input-type=module", "-e", script], from);
  const abi = `module version ${process.versions.modules}`;
  if (loads) return ok(name, `${out} (${abi})`);
  const why = reason(err);
  const missing = /ERR_MODULE_NOT_FOUND|Cannot find (package|module)/.test(err);
  const hint = missing
    ? `npm ci installs it${without === undefined ? "" : `; it is needed for ${without}`}.`
    : `npm rebuild ${name === "onoff" ? "epoll" : name} builds it for this Node; a compiler and python3 have to be there.`;
  return without === undefined || needed
    ? fail(name, why, hint)
    : warn(name, `${why}; nothing configured needs it`, hint);
}

function reason(err: string): string {
  const line = err.split("\n").find((text) => /^\w*Error\b|ERR_/.test(text.trim()));
  return (line ?? err.split("\n")[0] ?? "").trim().slice(0, 200) || "it ended without a word";
}

function run(args: readonly string[], cwd: string): Promise<{ ok: boolean; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: loadedWithinMs, cwd }, (error, out, err) => {
      resolve({ ok: error === null, out, err: error === null ? "" : err || error.message });
    });
  });
}
