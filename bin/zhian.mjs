#!/usr/bin/env node
// Starts the command line on the Node that the product needs, whichever Node there is (from 20 up), and sets up what is
// missing first. Passes on arguments, signals and exit code.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = at("gateway/main.ts");
const main = existsSync(source) ? source : at("dist/gateway/main.js");

// A packed or compiled copy comes without the script and with its packages in place.
const setup = existsSync(at("scripts/setup.mjs")) ? await import("../scripts/setup.mjs") : undefined;
if (setup !== undefined && setup.setUp("run") !== 0) process.exit(1);

const node = setup === undefined ? process.execPath : setup.findNode();
if (setup === undefined && Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(
    `Node ${process.versions.node} is too old: this needs Node 24. Install it from https://nodejs.org\n`,
  );
  process.exit(1);
}
if (node === process.execPath) {
  const { runProcess } = await import(main);
  await runProcess();
} else {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"])
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`${node} could not be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
