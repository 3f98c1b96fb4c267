import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SerialPort } from "serialport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { openPty, type Pty } from "../serial/pty.ts";
import { SlaveLine } from "./line.ts";
import { crc16 } from "./modbus.ts";

const run = promisify(execFile);
const request = Buffer.from("110300000003" + "075b", "hex");

/** Registers as mbpoll reads them: a Modbus master that is not ours. Rejects with what it printed. */
async function mbpoll(path: string, unit: number, ...more: string[]): Promise<number[]> {
  const options = ["-m", "rtu", "-b", "9600", "-P", "none", "-a", String(unit), "-0", "-1", "-q", "-o", "0.5"];
  const { stdout } = await run("mbpoll", [
    ...options,
    ...(more.length > 0 ? more : ["-t", "4:hex", "-r", "0", "-c", "3"]),
    path,
  ]);
  return [...stdout.matchAll(/^\[\d+\]:\s+0x([0-9A-F]{4})/gm)].map(([, value]) => Number.parseInt(value ?? "", 16));
}

describe("extinguishers on one line", () => {
  let pty: Pty;
  let line: SlaveLine;
  let port: SerialPort | undefined;
  beforeEach(async () => {
    pty = await openPty();
    line = new SlaveLine(pty.stream);
    line.attach(17, () => [231, 1210, 0]);
    line.attach(18, () => [0xffce, 1050, 2]);
  });
  afterEach(async () => {
    if (port?.isOpen === true) await new Promise<void>((resolve) => port?.close(() => resolve()));
    port = undefined;
    await pty.close();
  });

  async function openPort(): Promise<Buffer[]> {
    const opened = new SerialPort({ path: pty.path, baudRate: 9600, autoOpen: false });
    await new Promise<void>((resolve, reject) => opened.open((error) => (error ? reject(error) : resolve())));
    port = opened;
    const heard: Buffer[] = [];
    opened.on("data", (data: Buffer) => heard.push(data));
    return heard;
  }

  it("are read by mbpoll, each with its own values", async () => {
    expect(await mbpoll(pty.path, 17)).toEqual([231, 1210, 0]);
    expect(await mbpoll(pty.path, 18)).toEqual([0xffce, 1050, 2]);
    expect(line.asked).toEqual(
      new Map([
        [17, 1],
        [18, 1],
      ]),
    );
  });

  it("refuse what their register map does not have", async () => {
    await expect(mbpoll(pty.path, 17, "-t", "4", "-r", "2", "-c", "2")).rejects.toThrow(/Illegal data address/);
    await expect(mbpoll(pty.path, 17, "-t", "3", "-r", "0", "-c", "1")).rejects.toThrow(/Illegal function/);
  });

  it("keep silent when another unit is asked, and when told to", async () => {
    await expect(mbpoll(pty.path, 19)).rejects.toThrow(/timed out/);
    line.setFault(17, { mode: "silent" });
    await expect(mbpoll(pty.path, 17)).rejects.toThrow(/timed out/);
    line.setFault(17, undefined);
    expect(await mbpoll(pty.path, 17)).toEqual([231, 1210, 0]);
  });

  it("answer too late, or with a wrong CRC, or with an exception, when told to", async () => {
    line.setFault(17, { mode: "crc" });
    await expect(mbpoll(pty.path, 17)).rejects.toThrow(/Invalid CRC/);
    line.setFault(17, { mode: "exception" });
    await expect(mbpoll(pty.path, 17)).rejects.toThrow(/Slave device or server failure/);
    line.setFault(17, { mode: "late", ms: 700 });
    await expect(mbpoll(pty.path, 17)).rejects.toThrow(/timed out/);
  });

  it("take the time of the baud rate", async () => {
    const heard = await openPort();
    const start = performance.now();
    port?.write(request);
    await waitFor("the whole answer", () => Buffer.concat(heard).length === 11);
    // 8 bytes there, 3.5 of silence, 11 back, 1.04 ms each, and 5 ms to think.
    expect(performance.now() - start).toBeGreaterThan((8 + 3.5 + 11) * 1.041 + 5 - 1);
    expect(heard.length).toBeGreaterThan(2);
    const reply = Buffer.concat(heard);
    expect(reply.subarray(0, 9).toString("hex")).toBe("11030600e704ba0000");
    expect(crc16(reply.subarray(0, 9))).toBe(reply.readUInt16LE(9));
  });

  it("answer twice, or go on saying what they said last, when told to", async () => {
    const heard = await openPort();
    line.setFault(17, { mode: "twice" });
    port?.write(request);
    await waitFor("both answers", () => Buffer.concat(heard).length === 22);
    let now = 231;
    line.attach(18, () => [now]);
    line.setFault(18, { mode: "stuck" });
    await new Promise<void>((resolve) => port?.close(() => resolve()));
    const one = ["-t", "4:hex", "-r", "0", "-c", "1"];
    expect(await mbpoll(pty.path, 18, ...one)).toEqual([231]);
    now = 500;
    expect(await mbpoll(pty.path, 18, ...one)).toEqual([231]);
    line.setFault(18, undefined);
    expect(await mbpoll(pty.path, 18, ...one)).toEqual([500]);
  });

  it("take a write where their map allows it, and refuse it elsewhere", async () => {
    const written: number[][] = [];
    const write = (fn: 5 | 6, address: number, value: number) => {
      written.push([fn, address, value]);
      return address < 8;
    };
    line.attach(19, () => ({ write, coils: new Map([[5, 0]]) }));
    const rtu = ["-m", "rtu", "-b", "9600", "-P", "none", "-a", "19", "-0", "-1", "-q", "-o", "0.5"];
    await run("mbpoll", [...rtu, "-t", "0", "-r", "5", pty.path, "1"]);
    await run("mbpoll", [...rtu, "-t", "4", "-r", "2", pty.path, "300"]);
    await expect(run("mbpoll", [...rtu, "-t", "4", "-r", "9", pty.path, "1"])).rejects.toThrow(/Illegal data address/);
    expect(written).toEqual([
      [5, 5, 0xff00],
      [6, 2, 300],
      [6, 9, 1],
    ]);
  });

  it("put noise before a right answer when told to", async () => {
    line.setFault(17, { mode: "noise" });
    const heard = await openPort();
    port?.write(request);
    await waitFor(
      "noise and answer",
      () => Buffer.concat(heard).length >= 14 && Buffer.concat(heard).includes("11030600e704ba0000", 0, "hex"),
    );
    expect(Buffer.concat(heard).indexOf("11030600e7", 0, "hex")).toBeGreaterThanOrEqual(3);
  });

  it("let a two-wire adapter hear itself before the answer", async () => {
    const other = await openPty();
    new SlaveLine(other.stream, { echo: true }).attach(17, () => [231, 1210, 0]);
    const opened = new SerialPort({ path: other.path, baudRate: 9600, autoOpen: false });
    await new Promise<void>((resolve, reject) => opened.open((error) => (error ? reject(error) : resolve())));
    const heard: Buffer[] = [];
    opened.on("data", (data: Buffer) => heard.push(data));
    opened.write(request);
    await waitFor("echo and answer", () => Buffer.concat(heard).length === 19);
    expect(Buffer.concat(heard).subarray(0, 8).equals(request)).toBe(true);
    await new Promise<void>((resolve) => opened.close(() => resolve()));
    await other.close();
  });

  it("find the request behind a broken one", async () => {
    const heard = await openPort();
    port?.write(Buffer.concat([Buffer.from("1103ff", "hex"), request]));
    await waitFor("the answer", () => Buffer.concat(heard).length === 11);
  });

  it("know the published check values", () => {
    expect(crc16(Buffer.from("010300040001", "hex"))).toBe(0xcbc5);
    expect(crc16(Buffer.from("010300000002", "hex"))).toBe(0x0bc4);
  });
});
