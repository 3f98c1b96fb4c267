import { afterEach, describe, expect, it } from "vitest";
import type { ModbusLine } from "../../gateway/ports/driver.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { ModbusTcpPeer, type TcpAsked, tcpFrame, tcpReply } from "../../tests/support/modbus-tcp-peer.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { type ModbusTcp, openModbusTcp } from "./open-modbus-tcp.ts";

const expectation = { timeoutMs: 500 };

let peer: ModbusTcpPeer | undefined;
let tcp: ModbusTcp | undefined;
let clock = new ManualClock();

afterEach(async () => {
  tcp?.close();
  await peer?.close();
});

const values = ({ unit, address, count }: TcpAsked) =>
  Array.from({ length: count }, (_, i) => unit * 256 + address + i);
const good = (asked: TcpAsked) => asked.say(tcpReply(asked, values(asked)));
const right = (unit: number, address: number, count: number) => ({
  ok: true,
  registers: Array.from({ length: count }, (_, i) => unit * 256 + address + i),
});

async function open(act: (asked: TcpAsked) => void) {
  clock = new ManualClock();
  const made = await ModbusTcpPeer.open(act);
  peer = made;
  const telemetry = countingTelemetry();
  const opened = openModbusTcp({ clock, logger: quietLogger, telemetry });
  tcp = opened;
  const line: ModbusLine = opened.line({ host: "127.0.0.1", port: made.port });
  return { peer: made, tcp: opened, line, telemetry };
}

describe("slaves behind one address", () => {
  it("are asked over one connection, whatever unit and whoever asks", async () => {
    const { peer: made, tcp: opened, line } = await open(good);
    const other = opened.line({ host: "127.0.0.1", port: made.port });
    const asked = [1, 2, 3, 4, 5].map((unit) => (unit % 2 === 0 ? line : other).readHolding(unit, 10, 2, expectation));
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 5].map((unit) => right(unit, 10, 2)));
    expect(made.connections).toBe(1);
    expect(line.open()).toBe(true);
  });

  it("are asked one after the other: the next goes out when the one before is answered", async () => {
    const waiting: TcpAsked[] = [];
    const { peer: made, line } = await open((asked) => void waiting.push(asked));
    const both = [line.readHolding(1, 0, 1, expectation), line.readHolding(2, 0, 1, expectation)];
    await waitFor("the first request", () => waiting.length > 0);
    expect(made.heard).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      const asked = await waitFor("a request", () => waiting[i]);
      good(asked);
    }
    expect(await Promise.all(both)).toEqual([right(1, 0, 1), right(2, 0, 1)]);
  });

  it("are read and written by all functions", async () => {
    const { line } = await open((asked) => {
      if (asked.function >= 5) asked.say(asked.bytes);
      else if (asked.function <= 2) asked.say(tcpFrame(asked.transaction, asked.unit, [asked.function, 2, 0x05, 0x02]));
      else good(asked);
    });
    const bits = { ok: true, registers: [1, 0, 1, 0, 0, 0, 0, 0, 0, 1] };
    expect(await line.readCoils(1, 0, 10, expectation)).toEqual(bits);
    expect(await line.readDiscrete(1, 0, 10, expectation)).toEqual(bits);
    expect(await line.readInput(0, 3, 2, expectation)).toEqual(right(0, 3, 2));
    expect(await line.writeCoil(1, 5, true, expectation)).toEqual({ ok: true, registers: [] });
    expect(await line.writeRegister(255, 5, 7, expectation)).toEqual({ ok: true, registers: [] });
    await expect(line.readHolding(256, 0, 1, expectation)).rejects.toThrow(RangeError);
    await expect(line.readHolding(1, 0, 126, expectation)).rejects.toThrow(RangeError);
  });

  it("that answer too late are silent once, and the late answer is no other's", async () => {
    let first: TcpAsked | undefined;
    const { line, telemetry } = await open((asked) => {
      if (first === undefined) first = asked;
      else good(asked);
    });
    const late = line.readHolding(1, 0, 1, expectation);
    const next = line.readHolding(2, 0, 1, expectation);
    const owed = await waitFor("the request", () => first);
    clock.advance(501);
    expect(await late).toMatchObject({ ok: false, why: "timeout" });
    good(owed);
    expect(await next).toEqual(right(2, 0, 1));
    expect(telemetry.total("zhian_modbus_tcp_late_total")).toBe(1);
  });

  it("are not asked while a gateway may still be waiting for a silent one", async () => {
    const { peer: made, line } = await open((asked) => asked.unit !== 1 && good(asked));
    const silent = line.readHolding(1, 0, 1, expectation);
    await waitFor("the request", () => made.heard.length === 1);
    const other = line.readHolding(2, 0, 1, expectation);
    clock.advance(501);
    expect(await silent).toMatchObject({ ok: false, why: "timeout" });
    clock.advance(900);
    expect(made.heard).toHaveLength(1);
    clock.advance(200);
    expect(await other).toEqual(right(2, 0, 1));
  });

  it.each([10, 11])("are silent, and no more, where the gateway says exception %i for them", async (code) => {
    const { peer: made, line } = await open((asked) => {
      if (asked.unit === 1) asked.say(tcpFrame(asked.transaction, 1, [asked.function | 0x80, code]));
      else good(asked);
    });
    expect(await line.readHolding(1, 0, 1, expectation)).toMatchObject({ ok: false, why: "timeout" });
    // It rests now; the others go on at once, over the same connection.
    const resting = line.readHolding(1, 0, 1, expectation);
    expect(await line.readHolding(2, 0, 1, expectation)).toEqual(right(2, 0, 1));
    expect(made.heard.map(({ unit }) => unit)).toEqual([1, 2]);
    clock.advance(1000);
    expect(await resting).toMatchObject({ ok: false, why: "timeout" });
    expect(made.connections).toBe(1);
  });

  it("that refuse are told so, and those that answer for others are not believed", async () => {
    const { line } = await open((asked) => {
      if (asked.address === 9) asked.say(tcpFrame(asked.transaction, asked.unit, [asked.function | 0x80, 2]));
      else asked.say(tcpReply({ ...asked, unit: asked.unit + 1 }, values(asked)));
    });
    expect(await line.readHolding(1, 9, 1, expectation)).toEqual({
      ok: false,
      why: "exception",
      detail: "exception 2: illegal data address",
    });
    expect(await line.readHolding(1, 0, 1, expectation)).toMatchObject({ ok: false, why: "foreign" });
  });

  it("do not confirm a request by an answer with the transaction of another", async () => {
    const { line, telemetry } = await open((asked) => {
      asked.say(tcpReply({ ...asked, transaction: (asked.transaction + 1) & 0xffff }, [0xdead]));
      asked.say(tcpReply({ ...asked, transaction: (asked.transaction - 1) & 0xffff }, [0xbeef]));
      good(asked);
    });
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
    expect(telemetry.total("zhian_modbus_tcp_late_total")).toBe(2);
  });
});

describe("a connection", () => {
  it("that is cut fails what waits, is tried again with longer pauses, and is back by itself", async () => {
    const { peer: made, line } = await open((asked) => asked.unit === 1 && good(asked));
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
    const waiting = [line.readHolding(2, 0, 1, expectation), line.readHolding(1, 0, 1, expectation)];
    await waitFor("the request", () => made.heard.length === 2);
    await made.close();
    for (const each of await Promise.all(waiting)) expect(each).toMatchObject({ ok: false, why: "lost" });
    expect(line.open()).toBe(false);
    expect(await line.readHolding(1, 0, 1, expectation)).toMatchObject({ ok: false, why: "lost" });
    clock.advance(250);
    const refused = line.readHolding(1, 0, 1, expectation);
    expect(await refused).toMatchObject({ ok: false, why: "lost", detail: expect.stringContaining("ECONNREFUSED") });
    await made.listen();
    clock.advance(499);
    expect(line.open()).toBe(false);
    clock.advance(1);
    await waitFor("the connection", () => line.open());
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
  });

  it("over which nothing comes any more is taken for dead after three time-outs in a row, and made anew", async () => {
    let dead = true;
    const { peer: made, line } = await open((asked) => !dead && good(asked));
    for (const unit of [1, 2, 3]) {
      const asking = line.readHolding(unit, 0, 1, expectation);
      await waitFor("the request", () => made.heard.length === unit);
      clock.advance(501);
      expect(await asking).toMatchObject({ ok: false, why: "timeout" });
      if (unit < 3) clock.advance(1001);
    }
    expect(line.open()).toBe(false);
    dead = false;
    clock.advance(250);
    await waitFor("the connection", () => line.open());
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
    expect(made.connections).toBe(2);
  });

  it("to what speaks something else is given up, and it is said", async () => {
    const { line } = await open((asked) => asked.say(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(await line.readHolding(1, 0, 1, expectation)).toMatchObject({
      ok: false,
      why: "lost",
      detail: expect.stringContaining("not Modbus TCP"),
    });
  });

  it("is given back when nobody asks for anything, and made again for the next request", async () => {
    const { peer: made, line } = await open(good);
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
    clock.advance(150_000);
    expect(line.open()).toBe(false);
    expect(await line.readHolding(1, 0, 1, expectation)).toEqual(right(1, 0, 1));
    expect(made.connections).toBe(2);
  });

  it("is ended by close, and stays so", async () => {
    const { tcp: opened, line } = await open(() => {});
    const waiting = line.readHolding(1, 0, 1, expectation);
    await waitFor("the connection", () => line.open());
    opened.close();
    expect(await waiting).toMatchObject({ ok: false, why: "lost" });
    clock.advance(60_000);
    expect(await line.readHolding(1, 0, 1, expectation)).toMatchObject({ ok: false, why: "lost" });
  });
});
