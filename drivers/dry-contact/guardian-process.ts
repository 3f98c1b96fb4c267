import { createInterface } from "node:readline";
import type { Clock } from "../../gateway/ports/clock.ts";
import { openLines } from "./backends.ts";
import { Guardian } from "./guardian.ts";
import { parseRequest } from "./guardian-words.ts";

/** Time of this process: there is no gateway in it that could give it a clock. */
const clock: Clock = {
  now: () => performance.now(),
  wall: () => performance.timeOrigin + performance.now(),
  quality: () => ({ state: "assumed", steppedMs: 0 }),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

const guardian = new Guardian({
  clock,
  openLines: (root, backend) => openLines(root, backend, "out", clock),
  say: (word) => process.stdout.write(`${JSON.stringify(word)}\n`),
});

let ending = false;
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await guardian.end();
  process.exit(code);
}

// What ends the gateway ends this by the end of its input, after the outputs are safe. A signal to the whole group does not.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.stdout.on("error", () => {});
process.on("uncaughtException", () => void end(1));

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const request = parseRequest(line);
  if (request !== undefined && !ending) void guardian.obey(request);
});
lines.on("close", () => void end(0));
