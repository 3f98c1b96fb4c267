import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Epoch, epochSchema } from "../domain/ids.ts";

/** The heads that the logs had, as told by a file of its own. */
export interface Testimony {
  readonly epoch: Epoch;
  readonly observations: number;
  readonly transitions: number;
}

const line = /^(\S+) (\d+) (\d+)\n/;

/** What the last run wrote; `undefined` where there is none or it cannot be read. */
export function readTestimony(path: string): Testimony | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const found = line.exec(text);
  if (found === null) return undefined;
  return { epoch: epochSchema.parse(found[1]), observations: Number(found[2]), transitions: Number(found[3]) };
}

/**
 * Remembers outside the database how far the logs had come, after each commit and without syncing. So it is never ahead
 * of what is durable, and a database that is behind it lost its end: a deleted or cut write-ahead log, an old copy put
 * back. Numbers that the city may have seen must then not be given again, and a new epoch begins.
 */
export class Witness {
  readonly #file: number | undefined;
  readonly #epoch: Epoch;
  #observations: number;
  #transitions: number;

  constructor(path: string, start: Testimony) {
    this.#file = openWitness(path);
    this.#epoch = start.epoch;
    this.#observations = start.observations;
    this.#transitions = start.transitions;
    this.#write();
  }

  observations(head: number): void {
    this.#observations = head;
    this.#write();
  }

  transitions(head: number): void {
    this.#transitions = head;
    this.#write();
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #write(): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, `${this.#epoch} ${this.#observations} ${this.#transitions}\n`, 0);
    } catch {
      // A disk that does not take it makes the commits fail too, and those are heard.
    }
  }
}

/** A disk so full that it takes no new file has no witness until the next start. */
function openWitness(path: string): number | undefined {
  try {
    closeSync(openSync(path, "a", 0o600));
    return openSync(path, "r+");
  } catch {
    return undefined;
  }
}
