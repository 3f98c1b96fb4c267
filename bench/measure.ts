import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../tests/support/wait-for.ts";
import { connectPublisher, connectSubscriber } from "./load.ts";

/** fdatasync calls a second on this disk after a write of one page: what durability costs at least. */
export function fdatasyncRate(ms = 1000): number {
  const dir = mkdtempSync(join(tmpdir(), "zhian-fsync-"));
  const fd = openSync(join(dir, "page"), "w");
  const page = Buffer.alloc(4096, 1);
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < ms) {
    writeSync(fd, page, 0, page.length, (count % 64) * 4096);
    fdatasyncSync(fd);
    count += 1;
  }
  const rate = count / ((performance.now() - start) / 1000);
  closeSync(fd);
  rmSync(dir, { recursive: true });
  return rate;
}

export interface Path {
  readonly inPort: number;
  readonly outPort: number;
  readonly outTopic: string;
  readonly login?: { username: string; password: string };
}

let nextId = 1;

/** Messages a second from the first PUBLISH to the arrival of the last at the far end. */
export async function endToEndRate(path: Path, count: number): Promise<number> {
  const from = nextId;
  nextId += count;
  let arrived = 0;
  const subscriber = await connectSubscriber(path.outPort, path.outTopic, (id) => {
    if (id >= from && id < from + count) arrived += 1;
  });
  const publisher = await connectPublisher(path.inPort, path.login);
  const start = performance.now();
  await publisher.send(from, count);
  await waitFor(`${count} messages at the far end`, () => arrived >= count, 300_000);
  const seconds = (performance.now() - start) / 1000;
  publisher.close();
  subscriber.close();
  return count / seconds;
}

/** Messages acknowledged a second, whoever listens. */
export async function ingestRate(port: number, count: number, login?: Path["login"]): Promise<number> {
  const from = nextId;
  nextId += count;
  const publisher = await connectPublisher(port, login);
  const start = performance.now();
  await publisher.send(from, count);
  const seconds = (performance.now() - start) / 1000;
  publisher.close();
  return count / seconds;
}

/** Milliseconds from PUBLISH to arrival, one message at a time with a pause between, so that nothing queues. */
export async function latencies(path: Path, count: number): Promise<{ p50: number; p99: number }> {
  const sentAt = new Map<number, number>();
  const took: number[] = [];
  const subscriber = await connectSubscriber(path.outPort, path.outTopic, (id) => {
    const sent = sentAt.get(id);
    if (sent !== undefined) took.push(performance.now() - sent);
    sentAt.delete(id);
  });
  const publisher = await connectPublisher(path.inPort, path.login);
  for (let i = 0; i < count; i++) {
    const id = nextId++;
    await publisher.send(id, 1, () => sentAt.set(id, performance.now()));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await waitFor("the last message", () => took.length >= count);
  publisher.close();
  subscriber.close();
  took.sort((a, b) => a - b);
  return { p50: at(took, 0.5), p99: at(took, 0.99) };
}

function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}

/** Bytes that a process has caused to be written to disk, and its resident memory now, MiB. */
export function processFigures(pid: number): { writtenBytes: number; residentMiB: number } {
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    writtenBytes: Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? Number.NaN),
    residentMiB: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024,
  };
}
