import { readSync, writeSync } from "node:fs";
import { asked, registersReply } from "./modbus-frames.ts";

/**
 * A process of its own: slaves of all unit numbers on standard input and output, at the pace of a wire with the baud rate
 * given (8N1). A pseudo-terminal carries bytes at once; here each takes its time, and the slave waits for t3.5.
 */
const baudRate = Number(process.argv[2]);
const byteMs = (10 * 1000) / baudRate;
const silenceMs = (3.5 * 11 * 1000) / baudRate;

const cell = new Int32Array(new SharedArrayBuffer(4));
const sleepUntil = (at: number): void => {
  const left = at - performance.now();
  if (left > 0) Atomics.wait(cell, 0, 0, left);
};

const buffer = Buffer.alloc(256);
let pending = new Uint8Array(0);
for (;;) {
  const length = readSync(0, buffer);
  if (length === 0) break;
  pending = Uint8Array.from([...pending, ...buffer.subarray(0, length)]);
  const request = asked(pending.subarray(0, 8));
  if (pending.length < 8 || request === undefined) continue;
  pending = pending.subarray(8);
  let at = performance.now() + 8 * byteMs + silenceMs;
  const values = Array.from({ length: request.count }, (_, i) => request.unit * 256 + request.address + i);
  for (const byte of registersReply(request, values)) {
    at += byteMs;
    sleepUntil(at);
    writeSync(1, Uint8Array.of(byte));
  }
}
