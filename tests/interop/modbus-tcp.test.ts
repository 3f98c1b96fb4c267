import { type ChildProcess, execFile, spawn } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ModbusTcp, openModbusTcp } from "../../drivers/modbus/open-modbus-tcp.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { freePort } from "../support/free-port.ts";
import { ended } from "../support/mosquitto.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const expectation = { timeoutMs: 3000 };
const run = promisify(execFile);

/** As tests/interop/modbus-tcp-slaves.py has it. */
const register = (unit: number, table: number, address: number) => (unit * 1000 + table * 200 + address) % 65_536;
const bit = (unit: number, table: number, address: number) => (unit + table + Math.floor((address * address) / 3)) % 2;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe("slaves of pymodbus over TCP", () => {
  let port = 0;
  let slaves: ChildProcess;
  let tcp: ModbusTcp;

  /** What libmodbus reads from the same slaves. */
  async function mbpoll(unit: number, type: number, address: number, count: number): Promise<number[]> {
    const tcpFlags = ["-m", "tcp", "-p", String(port), "-0", "-1", "-q", "-o", "2"];
    const what = ["-a", String(unit), "-t", String(type), "-r", String(address), "-c", String(count)];
    const { stdout } = await run("mbpoll", [...tcpFlags, ...what, "127.0.0.1"]);
    return [...stdout.matchAll(/^\[\d+\]:\s+(\d+)/gm)].map(([, value]) => Number(value));
  }

  const start = async (): Promise<void> => {
    const script = resolve(import.meta.dirname, "modbus-tcp-slaves.py");
    slaves = spawn("/usr/bin/python3", [script, String(port)], { stdio: ["ignore", "pipe", "ignore"] });
    await waitFor("the first answer", () => mbpoll(17, 4, 0, 1).catch(() => undefined));
  };

  beforeAll(async () => {
    port = await freePort();
    await start();
    tcp = openModbusTcp({ clock, logger: quietLogger, telemetry: countingTelemetry() });
  });
  afterAll(async () => {
    tcp?.close();
    await ended(slaves);
    clock.close();
  });

  it("say the same to our line as to libmodbus, from all four tables, and refuse alike", async () => {
    const line = tcp.line({ host: "127.0.0.1", port });
    const theirs = {
      coils: await mbpoll(3, 0, 7, 21),
      inputs: await mbpoll(17, 1, 0, 64),
      holding: await mbpoll(17, 4, 5, 125),
      input: await mbpoll(3, 3, 190, 10),
    };
    const ours = {
      coils: await line.readCoils(3, 7, 21, expectation),
      inputs: await line.readDiscrete(17, 0, 64, expectation),
      holding: await line.readHolding(17, 5, 125, expectation),
      input: await line.readInput(3, 190, 10, expectation),
    };
    for (const [table, values] of Object.entries(theirs))
      expect([table, Reflect.get(ours, table)]).toEqual([table, { ok: true, registers: values }]);
    expect(theirs.coils).toEqual(range(7, 21).map((address) => bit(3, 1, address)));
    expect(theirs.holding).toEqual(range(5, 125).map((address) => register(17, 3, address)));
    expect(await line.readHolding(17, 195, 10, expectation)).toEqual({
      ok: false,
      why: "exception",
      detail: "exception 2: illegal data address",
    });
  });

  it("take what our line writes, as libmodbus then reads it, and confirm it", async () => {
    const line = tcp.line({ host: "127.0.0.1", port });
    const before = bit(17, 1, 40) === 1;
    expect(await line.writeCoil(17, 40, !before, expectation)).toEqual({ ok: true, registers: [] });
    expect(await line.writeRegister(17, 41, 4711, expectation)).toEqual({ ok: true, registers: [] });
    expect(await mbpoll(17, 0, 40, 1)).toEqual([before ? 0 : 1]);
    expect(await mbpoll(17, 4, 41, 1)).toEqual([4711]);
    expect(await line.writeRegister(17, 900, 1, expectation)).toMatchObject({ ok: false, why: "exception" });
  });

  it("are read by several at once, and each gets its own; and again after the server was started anew", async () => {
    const line = tcp.line({ host: "127.0.0.1", port });
    const asked = range(0, 60).map((i) => ({ unit: i % 2 === 0 ? 3 : 17, address: 50 + 2 * i, count: (i % 4) + 1 }));
    const all = asked.map(async ({ unit, address, count }) => {
      const expected = { ok: true, registers: range(address, count).map((each) => register(unit, 3, each)) };
      return [await line.readHolding(unit, address, count, expectation), expected] as const;
    });
    // A unit takes 16 at a time; the rest is refused at once.
    const settled = await Promise.all(all);
    for (const [exchange, expected] of settled) if (exchange.ok) expect(exchange).toEqual(expected);
    expect(settled.filter(([exchange]) => exchange.ok).length).toBeGreaterThanOrEqual(32);
    await ended(slaves);
    await waitFor("the loss", () => !line.open());
    await start();
    await waitFor("an answer", async () => (await line.readHolding(3, 0, 1, expectation)).ok);
    expect(await line.readHolding(3, 0, 1, expectation)).toEqual({ ok: true, registers: [register(3, 3, 0)] });
  });
});
