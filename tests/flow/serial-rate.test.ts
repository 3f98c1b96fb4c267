import { afterEach, expect, it } from "vitest";
import { openSerialLines, type SerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { openPacedLine, type PacedLine } from "../support/paced-line.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const expectation = { timeoutMs: 2000 };
let wire: PacedLine | undefined;
let lines: SerialLines | undefined;

afterEach(async () => {
  await lines?.close();
  await wire?.close();
});

it("a line of 9600 baud with 30 slaves is polled at more than half of what its wire can carry, on a busy machine too", async () => {
  wire = await openPacedLine(9600);
  lines = openSerialLines([{ id: "a", path: wire.path, baudRate: 9600, parity: "none", dataBits: 8, stopBits: 1 }], {
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
  });
  const line = lines.line("a");
  await waitFor("the first answer", async () => (await line.readHolding(1, 0, 3, expectation)).ok);

  const forMs = 4000;
  const start = performance.now();
  let answers = 0;
  const sessions = Array.from({ length: 30 }, async (_, i) => {
    const unit = i + 1;
    while (performance.now() - start < forMs) {
      const exchange = await line.readHolding(unit, 0, 3, expectation);
      expect(exchange).toEqual({ ok: true, registers: [0, 1, 2].map((at) => unit * 256 + at) });
      answers++;
    }
  });
  await Promise.all(sessions);
  const perSecond = (answers * 1000) / (performance.now() - start);
  const limit = 1000 / (((8 + 11) * 10 * 1000) / 9600 + (2 * 3.5 * 11 * 1000) / 9600);
  console.info(`${perSecond.toFixed(1)} polls/s of at most ${limit.toFixed(1)}`);
  expect(perSecond / limit).toBeGreaterThan(1 / 2);
});
