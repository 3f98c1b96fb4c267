import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSerialLines, type SerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { bitsReply, registersReply } from "../support/modbus-frames.ts";
import { ModbusPeer } from "../support/modbus-peer.ts";
import { ended } from "../support/mosquitto.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { openSerialPair, type SerialPair } from "../support/serial-pair.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const expectation = { timeoutMs: 2000 };
const settings = { id: "rs485-1", baudRate: 19_200, parity: "none", dataBits: 8, stopBits: 1 } as const;

/** As tests/interop/modbus-slaves.py has it. */
const register = (unit: number, table: number, address: number) => (unit * 1000 + table * 200 + address) % 65_536;
const bit = (unit: number, table: number, address: number) => (unit + table + Math.floor((address * address) / 3)) % 2;

const run = promisify(execFile);

/** What libmodbus reads from function `type` (mbpoll's own numbers: 0 coils, 1 inputs, 3 input, 4 holding registers). */
async function mbpoll(path: string, unit: number, type: number, address: number, count: number): Promise<number[]> {
  const flags = ["-m", "rtu", "-b", "19200", "-P", "none", "-0", "-1", "-q", "-o", "2"];
  const what = ["-a", String(unit), "-t", String(type), "-r", String(address), "-c", String(count)];
  const { stdout } = await run("mbpoll", [...flags, ...what, path]);
  return [...stdout.matchAll(/^\[\d+\]:\s+(\d+)/gm)].map(([, value]) => Number(value));
}

describe("slaves of pymodbus on a pseudo-terminal", () => {
  let pair: SerialPair;
  let slaves: ChildProcess;
  let held: number;
  let lines: SerialLines | undefined;

  beforeAll(async () => {
    pair = await openSerialPair();
    // socat leaves with the last one who has the line open.
    held = openSync(pair.a, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    const script = resolve(import.meta.dirname, "modbus-slaves.py");
    slaves = spawn("/usr/bin/python3", [script, pair.b], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    slaves.stdout?.on("data", (data) => {
      said += data;
    });
    await waitFor("the slaves", () => said.includes("ready"));
    await waitFor("the first answer", () => mbpoll(pair.a, 17, 4, 0, 1).catch(() => undefined));
  });

  afterAll(async () => {
    await lines?.close();
    await ended(slaves);
    closeSync(held);
    await pair.close();
  });

  it("say the same to our line as to libmodbus, from all four tables, and refuse alike", async () => {
    const theirs = {
      coils: await mbpoll(pair.a, 3, 0, 7, 21),
      inputs: await mbpoll(pair.a, 17, 1, 0, 64),
      holding: await mbpoll(pair.a, 17, 4, 5, 125),
      input: await mbpoll(pair.a, 3, 3, 190, 10),
    };
    await expect(mbpoll(pair.a, 17, 4, 195, 10)).rejects.toThrow(/[Ii]llegal data address/);

    lines = openSerialLines([{ ...settings, path: pair.a }], {
      clock,
      logger: quietLogger,
      telemetry: countingTelemetry(),
    });
    const line = lines.line("rs485-1");
    const ours = {
      coils: await line.readCoils(3, 7, 21, expectation),
      inputs: await line.readDiscrete(17, 0, 64, expectation),
      holding: await line.readHolding(17, 5, 125, expectation),
      input: await line.readInput(3, 190, 10, expectation),
    };
    for (const [table, values] of Object.entries(theirs))
      expect([table, Reflect.get(ours, table)]).toEqual([table, { ok: true, registers: values }]);
    const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
    expect(theirs.coils).toEqual(range(7, 21).map((address) => bit(3, 1, address)));
    expect(theirs.inputs).toEqual(range(0, 64).map((address) => bit(17, 2, address)));
    expect(theirs.holding).toEqual(range(5, 125).map((address) => register(17, 3, address)));
    expect(theirs.input).toEqual(range(190, 10).map((address) => register(3, 4, address)));
    expect(await line.readHolding(17, 195, 10, expectation)).toEqual({
      ok: false,
      why: "exception",
      detail: "exception 2: illegal data address",
    });
  });

  it("are read by several at once, and each gets its own", async () => {
    const line = lines?.line("rs485-1");
    const asked = Array.from({ length: 60 }, (_, i) => ({
      unit: i % 2 === 0 ? 3 : 17,
      address: i * 3,
      count: (i % 4) + 1,
    }));
    const sessions = [0, 1, 2, 3].map(async (session) => {
      for (const { unit, address, count } of asked.filter((_, i) => i % 4 === session))
        expect(await line?.readHolding(unit, address, count, expectation)).toEqual({
          ok: true,
          registers: Array.from({ length: count }, (_, i) => register(unit, 3, address + i)),
        });
    });
    await Promise.all(sessions);
    expect(lines?.health()[0]).toMatchObject({ errors: { exception: 1 } });
  });
});

it("the scripted slave of these tests is a slave to libmodbus too", async () => {
  const peer = await ModbusPeer.open(clock, (asked) => {
    const numbers = Array.from({ length: asked.count }, (_, i) => asked.address + i);
    const bits = numbers.map((number) => number % 3 === 0);
    return [{ bytes: asked.function <= 2 ? bitsReply(asked, bits) : registersReply(asked, numbers) }];
  });
  expect(await mbpoll(peer.path, 9, 4, 300, 3)).toEqual([300, 301, 302]);
  expect(await mbpoll(peer.path, 9, 3, 1, 2)).toEqual([1, 2]);
  expect(await mbpoll(peer.path, 9, 0, 0, 10)).toEqual([1, 0, 0, 1, 0, 0, 1, 0, 0, 1]);
  expect(peer.heard.map(({ unit, function: fn }) => [unit, fn])).toEqual([
    [9, 3],
    [9, 4],
    [9, 1],
  ]);
  await peer.close();
});
