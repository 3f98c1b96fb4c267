import { openSerialLines } from "../drivers/serial-line/serial-lines.ts";
import { SystemClock } from "../gateway/ops/system-clock.ts";
import { openPacedLine } from "../tests/support/paced-line.ts";
import { countingTelemetry, quietLogger } from "../tests/support/quiet.ts";
import { waitFor } from "../tests/support/wait-for.ts";

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

const baudRate = 9600;
const registers = 3;
const timeoutMs = 500;
const units = Array.from({ length: 30 }, (_, i) => i + 1);
const dead = units.slice(20);
const alive = units.slice(0, 20);

/** Of one poll at 8N1: request, t3.5 before the slave answers, answer, t3.5 before the next request. */
const pollMs = ((8 + 5 + 2 * registers) * 10_000) / baudRate + (2 * 3.5 * 11_000) / baudRate;

interface Measured {
  /** By unit. */
  readonly answers: ReadonlyMap<number, number>;
  readonly timeouts: number;
  readonly wrong: number;
  readonly seconds: number;
  /** Longest time between two answers of one unit that answers, ms. */
  readonly longestGapMs: number;
}

/** All units polled for so long, each again as soon as its answer is there, or `everyMs` after the poll before. */
async function poll(forMs: number, silent: readonly number[], everyMs: number): Promise<Measured> {
  const wire = await openPacedLine(baudRate, silent);
  const clock = new SystemClock();
  const lines = openSerialLines(
    [{ id: "bench", path: wire.path, baudRate, parity: "none", dataBits: 8, stopBits: 1 }],
    { clock, logger: quietLogger, telemetry: countingTelemetry() },
  );
  const line = lines.line("bench");
  await waitFor("the first answer", async () => (await line.readHolding(1, 0, registers, { timeoutMs: 2000 })).ok);
  const answers = new Map<number, number>();
  let [timeouts, wrong, longestGapMs] = [0, 0, 0];
  const start = performance.now();
  const sessions = units.map(async (unit) => {
    let heardAt = start;
    for (let next = start; performance.now() - start < forMs; ) {
      const exchange = await line.readHolding(unit, 0, registers, { timeoutMs });
      const now = performance.now();
      if (exchange.ok) {
        const right = exchange.registers.every((value, i) => value === unit * 256 + i);
        if (!right) wrong++;
        answers.set(unit, (answers.get(unit) ?? 0) + 1);
        longestGapMs = Math.max(longestGapMs, now - heardAt);
        heardAt = now;
      } else if (exchange.why === "timeout") timeouts++;
      next = Math.max(next + everyMs, now);
      if (next > now) await new Promise<void>((resolve) => setTimeout(resolve, next - now));
    }
  });
  // A unit that rests is asked again in half a minute; nobody waits for that here.
  await Promise.race([Promise.all(sessions), new Promise((resolve) => setTimeout(resolve, forMs))]);
  const seconds = (performance.now() - start) / 1000;
  const counted = new Map(answers);
  await lines.close();
  await Promise.all(sessions);
  clock.close();
  await wire.close();
  return { answers: counted, timeouts, wrong, seconds, longestGapMs };
}

function rateOf({ answers, seconds }: Measured, of: readonly number[]): number {
  return of.reduce((sum, unit) => sum + (answers.get(unit) ?? 0), 0) / seconds;
}

/** What a 9600-baud line with 30 slaves carries, and what it costs when ten of them are dead. */
export async function serialFigures(quick: boolean): Promise<readonly Figure[]> {
  const limit = 1000 / pollMs;
  const full = await poll(quick ? 5000 : 20_000, [], 0);
  const achieved = rateOf(full, units);
  const counts = units.map((unit) => full.answers.get(unit) ?? 0);

  const forMs = quick ? 10_000 : 60_000;
  const hurt = await poll(forMs, dead, 0);
  const slowed = 1 - rateOf(hurt, alive) / achieved;
  const strictly = 1 - alive.length / ((alive.length * pollMs + dead.length * timeoutMs) / 1000) / limit;

  const once = await poll(forMs, dead, 1000);
  const wrong = full.wrong + hurt.wrong + once.wrong;
  const name = "9600-baud line, 30 slaves";
  return [
    { what: `${name}: what the wire can carry`, value: limit, unit: "polls/s" },
    { what: `${name}: polled`, value: achieved, unit: "polls/s" },
    { what: `${name}: share of what the wire can carry`, value: (100 * achieved) / limit, unit: "%" },
    {
      what: `${name}: fewest polls of a slave to most`,
      value: (100 * Math.min(...counts)) / Math.max(...counts),
      unit: "%",
    },
    { what: `${name}, 10 of them dead: the others slowed by`, value: 100 * slowed, unit: "%" },
    { what: `${name}, 10 of them dead: what their time-outs cost in turn`, value: 100 * strictly, unit: "%" },
    { what: `${name}, 10 of them dead: time-outs`, value: hurt.timeouts / hurt.seconds, unit: "1/s" },
    {
      what: `${name}, 10 dead, each polled once a second: the others`,
      value: rateOf(once, alive) / alive.length,
      unit: "polls/s each",
    },
    { what: `${name}, 10 dead, each polled once a second: longest wait`, value: once.longestGapMs, unit: "ms" },
    { what: `${name}: values of another slave or register`, value: wrong, unit: "" },
  ];
}

if (import.meta.main) {
  for (const { what, value, unit } of await serialFigures(process.argv.includes("--quick")))
    console.log(`${what}: ${value.toFixed(2)} ${unit}`);
  process.exit(0);
}
