import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { z } from "zod";
import { GatewayError } from "../domain/errors.ts";

/**
 * A small JSON file for the gateway's user alone (0600). It is replaced whole: after a power cut there is the old
 * content or the new one, never a part. Another process may replace it; `read` sees that.
 */
export class PrivateFile<T> {
  readonly path: string;
  readonly #schema: z.ZodType<T>;
  readonly #empty: T;
  #content: T;
  #stamp = "";

  constructor(path: string, schema: z.ZodType<T>, empty: T) {
    this.path = path;
    this.#schema = schema;
    this.#empty = empty;
    this.#content = empty;
  }

  /** The content as it is on the disk now; the empty one where there is no file. Throws CONFIG_UNREADABLE. */
  read(): T {
    const state = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    const stamp = state === undefined ? "absent" : `${state.ino} ${state.size} ${state.mtimeNs}`;
    if (stamp === this.#stamp) return this.#content;
    this.#content = state === undefined ? this.#empty : this.#parse();
    this.#stamp = stamp;
    return this.#content;
  }

  write(content: T): void {
    const directory = dirname(this.path);
    mkdirSync(directory, { recursive: true });
    const temporary = `${this.path}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      writeDurably(temporary, `${JSON.stringify(content, undefined, 2)}\n`);
      renameSync(temporary, this.path);
    } catch (error) {
      removeIfThere(temporary);
      throw error;
    }
    syncDirectory(directory);
  }

  #parse(): T {
    try {
      return this.#schema.parse(JSON.parse(readFileSync(this.path, "utf8")));
    } catch (cause) {
      throw new GatewayError("CONFIG_UNREADABLE", `${this.path} cannot be read`, { cause });
    }
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Without it the new name may be lost in a power cut although the content is on the disk. */
function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made.
  }
}
