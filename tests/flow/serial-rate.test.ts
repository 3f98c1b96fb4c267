import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, it } from "vitest";
import { openSerialLines, type SerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { ended } from "../support/mosquitto.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const dir = mkdtempSync(join(tmpdir(), "zhian-paced-"));
let socat: ChildProcess | undefined;
let held: number | undefined;
let lines: SerialLines | undefined;

afterEach(async () => {
  await lines?.close();
  if (socat !== undefined) await ended(socat);
  if (held !== undefined) closeSync(held);
  rmSync(dir, { recursive: true, force: true });
});

it("a line of 9600 baud is polled at more than half of what its wire can carry, on a busy machine too", async () => {
  const path = join(dir, "tty");
  const slave = `${process.execPath} ${resolve(import.meta.dirname, "../support/paced-slave-process.ts")} 9600`;
  socat = spawn("socat", [`pty,rawer,link=${path}`, `EXEC:"${slave}"`], { stdio: "ignore" });
  await waitFor("the pseudo-terminal", () => existsSync(path));
  held = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  lines = openSerialLines([{ id: "a", path, baudRate: 9600, parity: "none", dataBits: 8, stopBits: 1 }], {
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
  });
  const line = lines.line("a");
  const expectation = { timeoutMs: 2000 };
  await waitFor("the first answer", async () => (await line.readHolding(1, 0, 3, expectation)).ok);

  const forMs = 4000;
  const start = performance.now();
  let answers = 0;
  const sessions = [1, 2, 3, 4, 5, 6, 7, 8].map(async (unit) => {
    while (performance.now() - start < forMs) {
      const exchange = await line.readHolding(unit, 0, 3, expectation);
      expect(exchange).toEqual({ ok: true, registers: [0, 1, 2].map((i) => unit * 256 + i) });
      answers++;
    }
  });
  await Promise.all(sessions);
  const perSecond = (answers * 1000) / (performance.now() - start);
  const limit = 1000 / (((8 + 11) * 10 * 1000) / 9600 + (2 * 3.5 * 11 * 1000) / 9600);
  console.info(`${perSecond.toFixed(1)} polls/s of at most ${limit.toFixed(1)}`);
  expect(perSecond / limit).toBeGreaterThan(1 / 2);
});
