import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openSerialLines, type SerialLines } from "../../drivers/serial-line/serial-lines.ts";
import type { LineSettings } from "../../drivers/serial-line/timing.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import type { Exchange } from "../../gateway/ports/driver.ts";
import {
  type Asked,
  bitsReply,
  damaged,
  exceptionReply,
  frame,
  registersReply,
  type Script,
} from "../support/modbus-frames.ts";
import { ModbusPeer } from "../support/modbus-peer.ts";
import { ended } from "../support/mosquitto.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { conducts, unruly, valuesOf } from "../support/unruly-slaves.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
/** For answers that come: the machine may be busy. */
const expectation = { timeoutMs: 2000 };
/** For answers that do not come. */
const brief = { timeoutMs: 150 };
const settings: LineSettings = {
  id: "rs485-1",
  path: "",
  baudRate: 115_200,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
  lateBoundMs: 300,
};

/** Each register says whose it is. */
const values = ({ unit, address, count }: Asked) => Array.from({ length: count }, (_, i) => unit * 256 + address + i);
const good: Script = (asked) => [{ bytes: registersReply(asked, values(asked)) }];

let peer: ModbusPeer | undefined;
let lines: SerialLines | undefined;

async function open(script: Script, changed: Partial<LineSettings> = {}) {
  peer = await ModbusPeer.open(clock, script);
  const telemetry = countingTelemetry();
  const made = openSerialLines([{ ...settings, path: peer.path, ...changed }], {
    clock,
    logger: quietLogger,
    telemetry,
  });
  lines = made;
  return { peer, lines: made, line: made.line("rs485-1"), telemetry, health: () => made.health()[0] };
}

afterEach(async () => {
  await lines?.close();
  await peer?.close();
  lines = undefined;
  peer = undefined;
});

/** serialport's native binding takes a while to load for the first time; no time in a test should depend on it. */
beforeAll(async () => {
  await import("serialport");
});

const right = (unit: number, address: number, count: number): Exchange => ({
  ok: true,
  registers: values({ unit, function: 3, address, count, bytes: new Uint8Array() }),
});

describe("a serial line on a pseudo-terminal", () => {
  it("reads registers, inputs, coils and discrete inputs", async () => {
    const bits = [true, false, false, true, true, false, false, false, false, true];
    const { line } = await open((asked) => [
      { bytes: asked.function <= 2 ? bitsReply(asked, bits) : registersReply(asked, values(asked)) },
    ]);
    expect(await line.readHolding(17, 0, 3, expectation)).toEqual(right(17, 0, 3));
    expect(await line.readInput(17, 1000, 125, expectation)).toEqual(right(17, 1000, 125));
    expect(await line.readCoils(17, 5, 10, expectation)).toEqual({ ok: true, registers: bits.map(Number) });
    expect(await line.readDiscrete(17, 5, 10, expectation)).toEqual({ ok: true, registers: bits.map(Number) });
  });

  const mischief: [string, Script, Exclude<Exchange, { ok: true }>["why"]][] = [
    ["silence", () => [], "timeout"],
    ["an answer cut short", (asked) => [{ bytes: registersReply(asked, values(asked)).subarray(0, 6) }], "short"],
    ["a checksum error", (asked) => [{ bytes: damaged(registersReply(asked, values(asked)), 34) }], "bad-crc"],
    ["an answer of another unit", (asked) => good({ ...asked, unit: 9 }), "foreign"],
    ["an answer to another function", (asked) => good({ ...asked, function: 4 }), "foreign"],
    ["an answer of another length", (asked) => good({ ...asked, count: asked.count + 1 }), "foreign"],
    ["noise in front", (asked) => [{ bytes: Uint8Array.of(0xff) }, ...good(asked)], "foreign"],
    ["noise at the end", (asked) => [...good(asked), { bytes: Uint8Array.of(0x00) }], "foreign"],
    ["an answer given twice at once", (asked) => [...good(asked), ...good(asked)], "foreign"],
    ["an exception", (asked) => [{ bytes: exceptionReply(asked, 2) }], "exception"],
    ["an exception to another function", (asked) => [{ bytes: frame(asked.unit, 0x84, [2]) }], "foreign"],
  ];
  it.each(mischief)("reports %s, and reads right afterwards", async (_, script, why) => {
    let asked = 0;
    const { line, health } = await open((request) => (asked++ === 0 ? script(request) : good(request)));
    const patience = why === "timeout" || why === "short" ? brief : expectation;
    expect(await line.readHolding(17, 0, 3, patience)).toMatchObject({ ok: false, why });
    expect(health()?.errors).toEqual({ [why]: 1 });
    expect(await line.readHolding(17, 40, 3, expectation)).toEqual(right(17, 40, 3));
    expect(await line.readHolding(18, 0, 3, expectation)).toEqual(right(18, 0, 3));
  });

  it("takes an answer that comes byte by byte", async () => {
    const { line } = await open((asked) =>
      [...registersReply(asked, values(asked))].map((byte) => ({ afterMs: 2, bytes: Uint8Array.of(byte) })),
    );
    expect(await line.readHolding(17, 0, 3, expectation)).toEqual(right(17, 0, 3));
  });

  it.each([0, 50, 300])("discards an answer that comes %i ms after the time-out", async (late) => {
    let first: Asked | undefined;
    const { line, peer, telemetry } = await open(
      (request) => {
        if (first !== undefined) return good(request);
        first = request;
        return [];
      },
      { lateBoundMs: 1000 },
    );
    expect(await line.readHolding(17, 0, 1, brief)).toMatchObject({ ok: false, why: "timeout" });
    const second = line.readHolding(17, 40, 1, expectation);
    await new Promise<void>((resolve) => clock.after(late, resolve));
    if (first !== undefined) peer.say(registersReply(first, values(first)));
    expect(await second).toEqual(right(17, 40, 1));
    expect(telemetry.total("zhian_serial_stray_bytes_total")).toBe(7);
  });

  it("never takes a late answer of one unit for the answer of another", async () => {
    const { line } = await open((request) => [
      ...(request.unit === 17 ? [] : [{ bytes: registersReply({ unit: 17, function: 3 }, [0xdead]) }]),
      ...(request.unit === 17 ? [] : good(request)),
    ]);
    expect(await line.readHolding(17, 0, 1, brief)).toMatchObject({ ok: false, why: "timeout" });
    expect(await line.readHolding(18, 0, 1, expectation)).toMatchObject({ ok: false, why: "foreign" });
  });

  const echoing =
    (script: Script): Script =>
    (asked) => [{ bytes: asked.bytes }, ...script(asked)];

  it.each([undefined, true])("strips the echo of its own request (echo: %s)", async (echo) => {
    const { line, health } = await open(echoing(good), echo === undefined ? {} : { echo });
    expect(await line.readHolding(17, 0, 3, expectation)).toEqual(right(17, 0, 3));
    expect(await line.readHolding(17, 40, 2, expectation)).toEqual(right(17, 40, 2));
    expect(health()?.echo).toBe(true);
  });

  it("never takes an echo for an answer, though one of 24 coils can look just like it", async () => {
    const { line } = await open(echoing(() => []));
    expect(await line.readCoils(17, 0x0300, 24, brief)).toMatchObject({ ok: false, why: "timeout" });
  });

  it("says so when the line echoes against its settings, and when the echo is garbled", async () => {
    const silent = await open(echoing(good), { echo: false });
    expect(await silent.line.readHolding(17, 0, 3, expectation)).toMatchObject({ ok: false, why: "foreign" });
    await silent.lines.close();
    await silent.peer.close();
    const { line } = await open((asked) => [{ bytes: damaged(asked.bytes, 20) }, ...good(asked)], { echo: true });
    expect(await line.readHolding(17, 0, 3, expectation)).toMatchObject({ ok: false, why: "foreign" });
  });

  it("flushes and counts what came in before the request", async () => {
    const { line, peer, health } = await open(good);
    expect(await line.readHolding(17, 0, 1, expectation)).toEqual(right(17, 0, 1));
    peer.say(registersReply({ unit: 17, function: 3 }, [0xdead]));
    await waitFor("the stray answer", () => health()?.strayBytes === 7);
    expect(await line.readHolding(17, 40, 1, expectation)).toEqual(right(17, 40, 1));
  });

  it("gives up on a line that is never silent, and uses it when it is", async () => {
    const { line, peer } = await open(good);
    let babbling = true;
    const babble = (): void => {
      if (!babbling) return;
      peer.say(Uint8Array.of(0x55));
      clock.after(5, babble);
    };
    babble();
    await waitFor("the first byte", () => lines?.health()[0]?.strayBytes);
    const before = process.cpuUsage();
    expect(await line.readHolding(17, 0, 1, expectation)).toMatchObject({ ok: false, why: "foreign" });
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(1500);
    babbling = false;
    const read = () => line.readHolding(17, 0, 1, expectation);
    expect(await waitFor("an answer", () => read().then((exchange) => exchange.ok && exchange))).toEqual(
      right(17, 0, 1),
    );
  });
});

describe("unruly slaves on a pseudo-terminal", () => {
  it("never have a value taken for the answer to another request", async () => {
    const seed = 20_261_124;
    const list = fc.sample(conducts(500, 50), { seed, numRuns: 24 });
    const asked: Asked[] = [];
    const script = unruly(list);
    const { line } = await open(
      (request) => {
        asked.push(request);
        return script(request);
      },
      { lateBoundMs: 1500 },
    );
    const outcomes = new Map<string, number>();
    const wrong: unknown[] = [];
    const sessions = [1, 2, 3].map(async (unit) => {
      for (let i = 0; i < 7; i++) {
        const count = 1 + (i % 3);
        const exchange = await line.readHolding(unit, i * 10, count, brief);
        const outcome = exchange.ok ? "answer" : exchange.why;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        const nth = asked.findLastIndex((request) => request.unit === unit);
        const request = asked[nth];
        if (!exchange.ok || request === undefined) continue;
        const expected = valuesOf(request, nth);
        const mine = request.address === i * 10 && request.count === count;
        if (!mine || String(expected) !== String(exchange.registers)) wrong.push({ unit, i, exchange, expected });
      }
    });
    await Promise.all(sessions);
    expect(wrong).toEqual([]);
    expect(outcomes.get("answer")).toBeGreaterThan(3);
    expect(outcomes.size).toBeGreaterThan(3);
  }, 90_000);
});

/** Descriptors of this process that lead to a terminal. */
function terminals(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("/dev/pts/");
    } catch {
      return false;
    }
  }).length;
}

describe("a serial line whose port goes away", () => {
  it("fails what waits with `lost`, and reads again when the path leads to another device", async () => {
    const { line, peer, health } = await open((asked) => (asked.unit === 18 ? [] : good(asked)));
    expect(await line.readHolding(17, 0, 3, expectation)).toEqual(right(17, 0, 3));
    const before = health()?.target;
    const waiting = [line.readHolding(18, 0, 3, { timeoutMs: 10_000 }), line.readHolding(17, 0, 3, expectation)];
    await waitFor("the request to the silent unit", () => peer.heard.some(({ unit }) => unit === 18));
    await peer.unplug();
    for (const each of await Promise.all(waiting)) expect(each).toMatchObject({ ok: false, why: "lost" });
    expect(line.open()).toBe(false);
    expect(await line.readHolding(17, 0, 3, expectation)).toMatchObject({ ok: false, why: "lost" });

    // Another takes its number, so that the adapter comes back under a new one.
    const squatter = await ModbusPeer.open(clock, () => []);
    await peer.plug();
    await waitFor("the line to be open again", () => line.open(), 10_000);
    expect(await line.readHolding(17, 40, 3, expectation)).toEqual(right(17, 40, 3));
    expect(health()?.target).not.toBe(before);
    await squatter.close();
  });

  it("notices by itself that nobody is there any more, without a request", async () => {
    const { line, peer, telemetry } = await open(good);
    await waitFor("the line to be open", () => line.open());
    await peer.unplug();
    await waitFor("the loss to be noticed", () => !line.open(), 3000);
    expect(telemetry.total("zhian_serial_losses_total")).toBe(1);
  });

  it("follows its path when that leads to another device, though the old one is still there", async () => {
    const { line, peer, health } = await open(good);
    await waitFor("the line to be open", () => line.open());
    const old = await ModbusPeer.open(clock, () => []);
    const { target } = peer;
    peer.adopt(old);
    await waitFor("the line to have moved", () => line.open() && health()?.target !== target, 5000);
    expect(health()?.target).toBe(old.target);
    await old.close();
  });

  it("leaks no descriptor and burns no time over eight losses", async () => {
    const { line, peer } = await open(good);
    expect(await line.readHolding(17, 0, 1, expectation)).toEqual(right(17, 0, 1));
    const open_ = terminals();
    for (let i = 0; i < 8; i++) {
      await peer.unplug();
      await waitFor("the loss", () => !line.open());
      await peer.plug();
      await waitFor("the line to be open", () => line.open(), 10_000);
      expect(await line.readHolding(17, 0, 1, expectation)).toEqual(right(17, 0, 1));
    }
    expect(terminals()).toBe(open_);
    await peer.unplug();
    await waitFor("the loss", () => !line.open());
    const before = process.cpuUsage();
    await waitFor("two seconds of absence", () => process.cpuUsage(before) && false, 2000).catch(() => undefined);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(600);
  }, 60_000);

  it.runIf(process.getuid?.() === 0)(
    "notices a hang-up, as an unplugged USB adapter makes one, and does not spin",
    async () => {
      const hangUp = spawn("python3", ["-c", hangUpScript], { stdio: ["pipe", "pipe", "inherit"] });
      const [path] = await once(hangUp.stdout, "data");
      const made = openSerialLines([{ ...settings, path: String(path).trim() }], {
        clock,
        logger: quietLogger,
        telemetry: countingTelemetry(),
      });
      lines = made;
      const line = made.line("rs485-1");
      await waitFor("the line to be open", () => line.open());
      const before = process.cpuUsage();
      hangUp.stdin.write("\n");
      await waitFor("the hang-up to be noticed", () => !line.open() || (made.health()[0]?.opened ?? 0) > 1, 5000);
      await waitFor("the path, which is still there, to be open again", () => line.open(), 5000);
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(1000);
      await made.close();
      await ended(hangUp);
    },
  );

  it("waits for a device that is not there yet, and says that it is absent", async () => {
    const made = openSerialLines([{ ...settings, path: "/dev/serial/by-id/nothing" }], {
      clock,
      logger: quietLogger,
      telemetry: countingTelemetry(),
    });
    lines = made;
    expect(await made.line("rs485-1").readHolding(1, 0, 1, expectation)).toMatchObject({ ok: false, why: "lost" });
    expect(made.health()[0]?.why).toBe("/dev/serial/by-id/nothing is not there");
  });

  it("leaves other lines alone when one gets new settings, and keeps the handle good", async () => {
    const first = await open(good);
    const other = await ModbusPeer.open(clock, good);
    const one = { ...settings, path: first.peer.path };
    const two = { ...settings, id: "rs485-2", path: other.path };
    await first.lines.apply([one, two]);
    const second = first.lines.line("rs485-2");
    expect(await second.readHolding(3, 0, 1, expectation)).toEqual(right(3, 0, 1));
    await first.lines.apply([one, { ...two, baudRate: 19_200 }]);
    expect(await second.readHolding(3, 0, 1, expectation)).toEqual(right(3, 0, 1));
    expect(first.lines.health().map(({ id, opened }) => [id, opened])).toEqual([
      ["rs485-1", 1],
      ["rs485-2", 1],
    ]);
    await first.lines.apply([one]);
    expect(await second.readHolding(3, 0, 1, expectation)).toMatchObject({ ok: false, why: "lost" });
    expect(await first.line.readHolding(17, 0, 1, expectation)).toEqual(right(17, 0, 1));
    await other.close();
  });
});

const hangUpScript = `
import ctypes, fcntl, os, signal, sys, termios, tty
master, slave = os.openpty()
tty.setraw(slave)
name = os.ttyname(slave)
print(name, flush=True)
sys.stdin.readline()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.ioctl(os.open(name, os.O_RDWR), termios.TIOCSCTTY, 0)
    os._exit(ctypes.CDLL(None).vhangup())
os.wait()
sys.stdin.readline()
`;
