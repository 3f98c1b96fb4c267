import { spawnSync } from "node:child_process";
import type { Readable } from "node:stream";
import { SerialPort } from "serialport";
import { afterEach, describe, expect, it } from "vitest";
import { openPty, type Pty, ptyMakers } from "./pty.ts";

/** Less than a terminal's buffer: serialport loses its wake-up now and then where a full one makes it wait while it reads. */
const turn = 1 << 11;
const size = turn * 32;
/** Every byte value in every neighbourhood: a line discipline that eats or adds one anywhere shifts the rest. */
function pattern(seed: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i + seed + (i >> 8) * 7) & 0xff));
}

function collect(stream: Readable, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let total = 0;
    const take = (data: Buffer) => {
      parts.push(data);
      total += data.length;
      if (total < length) return;
      stream.off("data", take);
      resolve(Buffer.concat(parts));
    };
    stream.on("data", take);
  });
}

async function openPort(path: string): Promise<SerialPort> {
  const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  return port;
}

const close = (port: SerialPort) => new Promise<void>((resolve) => port.close(() => resolve()));

describe("a pseudo-terminal made without root", () => {
  let pty: Pty | undefined;
  afterEach(async () => {
    await pty?.close();
    pty = undefined;
  });

  for (const maker of ptyMakers) {
    const there = spawnSync("sh", ["-c", `command -v ${maker.name}`]).status === 0;
    it.skipIf(!there)(`made by ${maker.name} carries all byte values both ways at once`, async () => {
      pty = await openPty([maker]);
      const port = await openPort(pty.path);
      const down = pattern(1);
      const up = pattern(99);
      for (let at = 0; at < size; at += turn) {
        const received = Promise.all([collect(port, turn), collect(pty.stream, turn)]);
        pty.stream.write(down.subarray(at, at + turn));
        port.write(up.subarray(at, at + turn));
        const [atPort, atStream] = await received;
        expect(atPort.equals(down.subarray(at, at + turn))).toBe(true);
        expect(atStream.equals(up.subarray(at, at + turn))).toBe(true);
      }
      await close(port);
    });
  }

  it("stays there when the port is closed and opened again", async () => {
    pty = await openPty();
    await close(await openPort(pty.path));
    const port = await openPort(pty.path);
    const heard = collect(pty.stream, 1);
    port.write(Buffer.from([0x04]));
    expect((await heard)[0]).toBe(0x04);
    await close(port);
  });

  it("is `script`, which every Debian has, and falls back to the next maker where one is missing", async () => {
    expect(ptyMakers[0]?.name).toBe("script");
    const missing = { name: "missing", open: () => Promise.reject(new Error("not found")) };
    pty = await openPty([missing, ...ptyMakers]);
    expect(pty.path).toMatch(/^\/dev\/pts\/\d+$/);
  });

  it("says what was tried when nothing works", async () => {
    const missing = { name: "missing", open: () => Promise.reject(new Error("not found")) };
    await expect(openPty([missing])).rejects.toThrow("missing: not found");
  });
});
