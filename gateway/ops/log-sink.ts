import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Clock } from "../ports/clock.ts";

const keptBytes = 1 << 20;
const retryAfterMs = 20;

/**
 * Where log lines go. Each line is written at once, so that a crash loses none; but a reader that has stopped reading
 * (a full pipe, a hung journald) never holds up the caller: up to 1 MiB of lines is kept, what comes on top is counted
 * and dropped, and the count is written as soon as the reader reads again.
 *
 * pino's own synchronous destination blocks the whole process on a full pipe, measured on Node 24: neither a timer nor
 * a socket is served until somebody reads. So the pipe is opened anew without blocking, where the system allows it.
 */
export class LogSink {
  readonly #fd: number;
  readonly #ownsFd: boolean;
  readonly #clock: Clock;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #triedAt = 0;
  #retrying = false;
  #gone = false;

  constructor(clock: Clock, fd = 1) {
    this.#clock = clock;
    const own = fd > 2 ? undefined : openAnew(fd);
    this.#fd = own ?? fd;
    this.#ownsFd = own !== undefined;
  }

  /** Lines that were dropped and not reported yet. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one whole line. Never throws and never waits. */
  write(line: string): void {
    if (this.#gone) return;
    if (this.#waiting.length > 0 && this.#clock.now() - this.#triedAt >= retryAfterMs) this.#flush();
    if (this.#waiting.length > 0) {
      this.#keep(Buffer.from(line));
      return;
    }
    this.#put(Buffer.from(line));
  }

  /** Tries once more to write what is kept; what the reader does not take is lost with the process. */
  close(): void {
    this.#flush();
    this.#gone = true;
    if (this.#ownsFd) closeSync(this.#fd);
  }

  #put(bytes: Buffer): boolean {
    let done = 0;
    while (done < bytes.length) {
      try {
        done += writeSync(this.#fd, bytes, done);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (code === "EINTR") continue;
        if (code === "EAGAIN") {
          this.#keepFirst(bytes.subarray(done));
        } else if (code === "EPIPE" || code === "EBADF") {
          this.#gone = true;
        } else {
          // A full disk under a redirected stdout: the line is lost, the next may fit.
          this.#dropped += 1;
        }
        return false;
      }
    }
    return true;
  }

  #keep(bytes: Buffer): void {
    if (this.#waitingBytes + bytes.length > keptBytes) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #keepFirst(rest: Buffer): void {
    this.#waiting.unshift(rest);
    this.#waitingBytes += rest.length;
    this.#triedAt = this.#clock.now();
    if (this.#retrying) return;
    this.#retrying = true;
    this.#clock.after(retryAfterMs, () => {
      this.#retrying = false;
      this.#flush();
    });
  }

  #flush(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#waitingBytes -= next.length;
      if (!this.#put(next)) return;
    }
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    const time = new Date(this.#clock.wall()).toISOString();
    this.#put(
      Buffer.from(`${JSON.stringify({ level: "warn", time, dropped, msg: "log lines dropped, nobody read them" })}\n`),
    );
  }
}

/**
 * A pipe or terminal is opened a second time with O_NONBLOCK; the flag then is ours alone. A socket (journald) cannot
 * be: touching process.stdout makes Node set the flag on it. A file never blocks.
 */
function openAnew(fd: number): number | undefined {
  const kind = fstatSync(fd);
  if (kind.isSocket()) {
    void (fd === 2 ? process.stderr : process.stdout).writable;
    return undefined;
  }
  if (!kind.isFIFO() && !kind.isCharacterDevice()) return undefined;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}
