import { beforeEach, describe, expect, it } from "vitest";
import type { Exchange } from "../../gateway/ports/driver.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { type Asked, registersReply, type Script } from "../../tests/support/modbus-frames.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { pass, VirtualTty } from "../../tests/support/virtual-tty.ts";
import { openSerialLines } from "./serial-lines.ts";
import type { LineSettings } from "./timing.ts";

const settings: LineSettings = {
  id: "rs485-1",
  path: "/dev/virtual",
  baudRate: 9600,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
};
/** 8 bytes of request, 11 of answer for three registers, and two silences of t3.5: the wire's own limit, ms. */
const fastestMs = ((8 + 11) * 10 * 1000) / 9600 + (2 * 3.5 * 11 * 1000) / 9600;

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

const values = ({ unit, address, count }: Asked) => Array.from({ length: count }, (_, i) => unit * 256 + address + i);
const good: Script = (asked) => [{ bytes: registersReply(asked, values(asked)) }];
const allBut =
  (silent: (unit: number) => boolean): Script =>
  (asked) =>
    silent(asked.unit) ? [] : good(asked);

function open(script: Script) {
  const ttys: VirtualTty[] = [];
  const lines = openSerialLines([settings], {
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
    openTty: () => {
      const tty = new VirtualTty(clock, settings, script);
      ttys.push(tty);
      return Promise.resolve(tty);
    },
  });
  return { lines, line: lines.line("rs485-1"), ttys, health: () => lines.health()[0] };
}

/** Sessions that poll three registers of a unit each, `everyMs` (0: without a pause); the times of their answers. */
function poll(line: ReturnType<typeof open>["line"], units: readonly number[], everyMs: number) {
  const answers = new Map<number, number[]>(units.map((unit) => [unit, []]));
  units.forEach(async (unit) => {
    for (let next = clock.now(); ; ) {
      const exchange = await line.readHolding(unit, 0, 3, { timeoutMs: 500 });
      if (exchange.ok) answers.get(unit)?.push(clock.now());
      else if (exchange.why === "lost") return;
      next = Math.max(next + everyMs, clock.now());
      await new Promise<void>((resolve) => clock.after(next - clock.now(), resolve));
    }
  });
  return answers;
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const totalOf = (answers: Map<number, number[]>, units: readonly number[]) =>
  units.reduce((sum, unit) => sum + (answers.get(unit)?.length ?? 0), 0);

/** The longest time between two answers of a unit, from `from` on. */
function longestGap(times: readonly number[], from: number): number {
  const later = times.filter((time) => time >= from);
  return Math.max(...later.map((time, i) => time - (later[i - 1] ?? from)));
}

describe("the queue of a line at 9600 baud", () => {
  it("polls at nine tenths of what the wire can carry", async () => {
    const { line, lines } = open(good);
    const answers = poll(line, range(1, 8), 0);
    await pass(clock, 2000);
    const before = totalOf(answers, range(1, 8));
    await pass(clock, 10_000);
    await lines.close();
    expect(totalOf(answers, range(1, 8)) - before).toBeGreaterThan((0.9 * 10_000) / fastestMs);
    const each = [...answers.values()].map((times) => times.length);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
  });

  it("keeps 31 units at their rate though a 32nd is silent", async () => {
    const minutes = 3 * 60_000;
    const others = range(1, 31);
    const alone = open(good);
    const undisturbed = poll(alone.line, others, 1000);
    await pass(clock, minutes);
    await alone.lines.close();
    const { line, lines, health } = open(allBut((unit) => unit === 32));
    const disturbed = poll(line, range(1, 32), 1000);
    await pass(clock, minutes);
    expect(health()?.units.find(({ unit }) => unit === 32)?.silences).toBeGreaterThan(5);
    await lines.close();
    expect(totalOf(disturbed, others) / totalOf(undisturbed, others)).toBeGreaterThan(0.95);
    for (const unit of others) expect(longestGap(disturbed.get(unit) ?? [], clock.now() - minutes)).toBeLessThan(3500);
  });

  it("slows 20 units by less than half of what the time-outs of 10 dead ones cost in turn, from the start", async () => {
    const [units, others] = [range(1, 30), range(1, 20)];
    const minute = 60_000;
    const alone = open(good);
    const undisturbed = poll(alone.line, units, 0);
    await pass(clock, minute);
    await alone.lines.close();
    const { line, lines, health } = open(allBut((unit) => unit > 20));
    const disturbed = poll(line, units, 0);
    await pass(clock, minute);
    const timeouts = health()?.errors["timeout"] ?? 0;
    await lines.close();
    const slowed = 1 - totalOf(disturbed, others) / totalOf(undisturbed, units);
    const inTurn = 1 - (20 * fastestMs) / (20 * fastestMs + 10 * 500);
    expect(inTurn).toBeGreaterThan(0.85);
    expect(slowed).toBeLessThan(inTurn / 2);
    // Each of the dead is known as dead, and asked again from time to time.
    expect(timeouts).toBeGreaterThanOrEqual(10);
    const each = others.map((unit) => disturbed.get(unit)?.length ?? 0);
    expect(Math.min(...each)).toBeGreaterThan(0.8 * Math.max(...each));
  });

  it("lets the one good unit wait for one round of time-outs when 31 fall silent at once, then for one", async () => {
    let powered = true;
    const { line, lines } = open(allBut((unit) => unit !== 20 && !powered));
    const answers = poll(line, range(1, 32), 1000);
    await pass(clock, 10_000);
    powered = false;
    const from = clock.now();
    await pass(clock, 3 * 60_000);
    await lines.close();
    const roundMs = 31 * (500 + 300 + fastestMs);
    expect(longestGap(answers.get(20) ?? [], from)).toBeLessThan(roundMs);
    expect(longestGap(answers.get(20) ?? [], from + roundMs)).toBeLessThan(2200);
  });

  it("asks a silent unit less and less, and finds it within 31 s of its return", async () => {
    let silent = true;
    const { line, lines, ttys } = open(allBut(() => silent));
    const answers = poll(line, [1], 1000);
    await pass(clock, 5 * 60_000);
    expect(ttys[0]?.heard.length).toBeLessThan(20);
    silent = false;
    const from = clock.now();
    await pass(clock, 40_000);
    await lines.close();
    expect((answers.get(1)?.[0] ?? Number.POSITIVE_INFINITY) - from).toBeLessThan(31_500);
    expect(answers.get(1)?.length).toBeGreaterThan(8);
  });

  it("waits after a time-out until the longest answer could have passed, before it asks another", async () => {
    const { line, lines, ttys } = open(allBut((unit) => unit === 1));
    const times: number[] = [];
    const silent = line.readHolding(1, 0, 3, { timeoutMs: 100 }).then(() => times.push(clock.now()));
    const other = line.readHolding(2, 0, 3, { timeoutMs: 100 }).then(() => times.push(clock.now()));
    await pass(clock, 3000);
    await Promise.all([silent, other]);
    const [timedOut = 0, answered = 0] = times;
    const longestAnswerMs = (256 * 10 * 1000) / 9600;
    expect(answered - timedOut).toBeGreaterThan(longestAnswerMs + fastestMs);
    expect(ttys[0]?.heard.map(({ unit }) => unit)).toEqual([1, 2]);
    await lines.close();
  });
});

describe("a port that was just opened", () => {
  it("is not asked anything before an answer to whoever had it before could have come", async () => {
    const { line, lines, ttys, health } = open(good);
    const opened = clock.now();
    const answered = line
      .readHolding(17, 0, 1, { timeoutMs: 200 })
      .then((exchange) => [exchange, clock.now()] as const);
    await pass(clock, 10);
    ttys[0]?.say(registersReply({ unit: 17, function: 3 }, [0xdead]), 900);
    await pass(clock, 3000);
    const [exchange, at] = await answered;
    expect(exchange).toEqual({ ok: true, registers: [17 * 256] });
    expect(at - opened).toBeGreaterThan(1000);
    expect(health()?.strayBytes).toBe(7);
    await lines.close();
  });
});

describe("a port with a wire", () => {
  const read = (line: ReturnType<typeof open>["line"]): { result: Exchange | undefined } => {
    const got: { result: Exchange | undefined } = { result: undefined };
    void line.readHolding(17, 0, 3, { timeoutMs: 200 }).then((exchange) => {
      got.result = exchange;
    });
    return got;
  };

  it("cannot have an answer before its request has left", async () => {
    const { line, lines, ttys } = open(() => []);
    await pass(clock, 2000);
    const got = read(line);
    ttys[0]?.say(registersReply({ unit: 17, function: 3 }, [1, 2, 3]), -5);
    await pass(clock, 1000, () => got.result !== undefined);
    expect(got.result).toMatchObject({
      ok: false,
      why: "foreign",
      detail: expect.stringContaining("before the request"),
    });
    await lines.close();
  });

  it("that does not send is lost, and is opened anew", async () => {
    const { line, lines, ttys, health } = open(good);
    await pass(clock, 2000);
    const [tty] = ttys;
    if (tty !== undefined) tty.drain = () => new Promise(() => {});
    if (tty !== undefined) tty.script = () => [];
    const got = read(line);
    await pass(clock, 3000, () => got.result !== undefined);
    expect(got.result).toMatchObject({ ok: false, why: "lost" });
    expect(tty?.closed).toBe(true);
    await pass(clock, 1000);
    expect(health()).toMatchObject({ open: true, opened: 2 });
    const again = read(line);
    await pass(clock, 2000, () => again.result !== undefined);
    expect(again.result).toMatchObject({ ok: true });
    await lines.close();
  });

  it("is tried again after 5 s at most, however long it is away", async () => {
    const attempts: number[] = [];
    const lines = openSerialLines([settings], {
      clock,
      logger: quietLogger,
      telemetry: countingTelemetry(),
      openTty: () => {
        attempts.push(clock.now());
        return Promise.reject(new Error("not there"));
      },
    });
    await pass(clock, 60_000);
    const gaps = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
    expect(gaps.slice(0, 5)).toEqual([250, 500, 1000, 2000, 4000]);
    expect(Math.max(...gaps)).toBe(5000);
    expect(lines.health()[0]).toMatchObject({ open: false, why: "not there" });
    await lines.close();
  });
});

describe("what is asked of a line", () => {
  it("must be possible for a slave, and the line known", async () => {
    const { line, lines } = open(good);
    await expect(line.readHolding(0, 0, 1, { timeoutMs: 100 })).rejects.toThrow(RangeError);
    expect(() => lines.line("rs485-9")).toThrow("there is no serial line rs485-9");
    expect(() =>
      openSerialLines([{ ...settings, dataBits: 7 }], { clock, logger: quietLogger, telemetry: countingTelemetry() }),
    ).toThrow("needs 8 data bits");
    await lines.close();
    expect(await line.readHolding(1, 0, 1, { timeoutMs: 100 })).toMatchObject({ ok: false, why: "lost" });
  });
});
