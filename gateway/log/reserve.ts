import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const chunkBytes = 256 * 1024;

/**
 * Ballast: a file that is thrown off when the disk is full, so that alarms, cursors and trimming can still be written.
 * Filled with noise, since a compressing file system would give zeros no room.
 */
export class Reserve {
  readonly #path: string;
  readonly #bytes: number;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** True where there was something to give back. */
  release(): boolean {
    if (statSync(this.#path, { throwIfNoEntry: false }) === undefined) return false;
    rmSync(this.#path, { force: true });
    return true;
  }

  /** Builds it where it is missing. False where the disk has no room for it, and a little more. */
  fill(): boolean {
    if (this.#whole()) return this.#roomBeside(0);
    if (!this.#roomBeside(this.#bytes)) return false;
    const chunk = randomFillSync(Buffer.alloc(Math.min(chunkBytes, this.#bytes)));
    let file: number | undefined;
    try {
      file = openSync(this.#path, "w", 0o600);
      for (let left = this.#bytes; left > 0; left -= chunk.length) {
        writeSync(file, chunk, 0, Math.min(left, chunk.length));
      }
      fsyncSync(file);
      return true;
    } catch {
      rmSync(this.#path, { force: true });
      return false;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  #whole(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.size === this.#bytes;
  }

  /** With a quarter of the reserve free beside it the next batch does not fail at once. */
  #roomBeside(bytes: number): boolean {
    const disk = statfsSync(dirname(this.#path));
    return disk.bavail * disk.bsize >= bytes + this.#bytes / 4;
  }
}
