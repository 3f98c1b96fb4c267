import { readSync, writeSync } from "node:fs";
import { type Asked, asked, registersReply } from "./modbus-frames.ts";

/**
 * A process of its own: slaves of all unit numbers on standard input and output, at the pace of a wire with the baud rate
 * given (8N1). A pseudo-terminal carries bytes at once; here each takes its time, and the slave waits for t3.5. A request
 * that comes before t3.5 of silence have passed is not heard, as the standard has it.
 *
 *     paced-slave-process.ts BAUD [DEAD_UNIT,DEAD_UNIT…]
 */
const baudRate = Number(process.argv[2]);
const dead = new Set(
  (process.argv[3] ?? "")
    .split(",")
    .filter((unit) => unit !== "")
    .map(Number),
);
const byteMs = (10 * 1000) / baudRate;
/** Of 11 bits, as the master counts them too. */
const silenceMs = (3.5 * 11 * 1000) / baudRate;
/** The slave knows its own last byte by the time it was handed over, the master a little later; timers are coarser than that. */
const grainMs = 0.3;

const cell = new Int32Array(new SharedArrayBuffer(4));
const sleepUntil = (at: number): void => {
  const left = at - performance.now();
  if (left > 0) Atomics.wait(cell, 0, 0, left);
};

/** A UART hands bytes over in lumps: at this fill of its FIFO, and what is left when the line falls silent. */
const fifoBytes = 8;

let silentSince = Number.NEGATIVE_INFINITY;

function answer(request: Asked): void {
  const from = performance.now() + 8 * byteMs + silenceMs;
  const values = Array.from({ length: request.count }, (_, i) => request.unit * 256 + request.address + i);
  const reply = registersReply(request, values);
  for (let sent = 0; sent < reply.length; sent += fifoBytes) {
    const end = Math.min(sent + fifoBytes, reply.length);
    sleepUntil(from + end * byteMs);
    // Before the bytes are handed over: whoever gets them may get the processor too.
    silentSince = performance.now();
    writeSync(1, reply.subarray(sent, end));
  }
}

const buffer = Buffer.alloc(256);
let pending = new Uint8Array(0);
for (;;) {
  const length = readSync(0, buffer);
  if (length === 0) break;
  pending = Uint8Array.from([...pending, ...buffer.subarray(0, length)]);
  const request = asked(pending.subarray(0, 8));
  if (pending.length < 8 || request === undefined) continue;
  pending = pending.subarray(8);
  if (performance.now() - silentSince < silenceMs - grainMs || dead.has(request.unit)) continue;
  answer(request);
}
