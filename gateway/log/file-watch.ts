import { statSync } from "node:fs";
import { GatewayError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Commits } from "./commits.ts";

const everyMs = 5000;

/**
 * Sees that somebody took the files away under the running gateway: what is committed then goes to a file without a
 * name, and would be gone with the process. The write-ahead log is put in place again from what is still in reach; for
 * the database itself only a new start helps.
 */
export class FileWatch {
  readonly #path: string;
  readonly #commits: Commits;
  readonly #clock: Clock;
  #database: number | undefined;
  #wal: number | undefined;
  #cancel = (): void => {};

  constructor(path: string, commits: Commits, clock: Clock) {
    this.#path = path;
    this.#commits = commits;
    this.#clock = clock;
    this.#remember();
    commits.onHealth((health) => {
      if (health.ok) this.#remember();
    });
    this.#later();
  }

  look(): void {
    if (!this.#commits.health().ok) return;
    if (inode(this.#path) !== this.#database) {
      this.#commits.suspect(new GatewayError("DB_CORRUPT", `${this.#path} was removed or replaced`));
    } else if (inode(`${this.#path}-wal`) !== this.#wal) {
      this.#commits.suspect(new GatewayError("DISK_FAILED", `${this.#path}-wal was removed or replaced`));
    }
  }

  close(): void {
    this.#cancel();
  }

  #remember(): void {
    this.#database = inode(this.#path);
    this.#wal = inode(`${this.#path}-wal`);
  }

  #later(): void {
    this.#cancel = this.#clock.after(everyMs, () => {
      this.look();
      this.#later();
    });
  }
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
