import { statSync } from "node:fs";
import { GatewayError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";
import type { Trimming } from "./trimming.ts";

export interface RetentionOptions {
  readonly db: Database;
  readonly commits: Commits;
  readonly trimming: Trimming;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** For the database with its write-ahead log. Alarms may take more; nothing else may. */
  readonly budgetBytes: number;
  readonly observationsForMs: number;
  readonly alarmsForMs: number;
  /** On a full disk what was delivered is given up down to this size. */
  readonly floorBytes: number;
}

interface Usage {
  /** What the files take on the disk. */
  readonly bytes: number;
  /** Of it, the write-ahead log. */
  readonly walBytes: number;
  /** Of it, what holds rows in the main file. */
  readonly usedBytes: number;
}

const everyMs = 30_000;
const betweenStepsMs = 1;
const rowsBetweenChecks = 5000;
/** Many times what the engine lets it grow to by itself. */
const heldUpWalBytes = 64 * 1024 * 1024;
/** Trimming goes on down to here, so that it does not begin again with the next row. */
const lowMark = 0.9;
/** A write-ahead log beyond this share of the budget is emptied before rows are given up for it. */
const walShare = 1 / 16;
/** Free pages inside the file beyond this share go back to the file system. */
const freeShare = 0.25;
const pagesPerStep = 512;
const reliefSteps = 16;

/** Keeps the logs within their budget and age, in steps between which everything else has its turn. */
export class Retention {
  readonly #o: RetentionOptions;
  readonly #pageBytes: number;
  #cancel = (): void => {};
  #sinceCheck = 0;
  #busy = false;
  #evicting = 0;
  #heldUp = false;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#o = options;
    this.#pageBytes = options.db.pragma("page_size");
    options.commits.relieveWith(() => this.#relieve());
    this.#later(everyMs);
  }

  /** Called after each commit of observations. */
  stored(rows: number): void {
    this.#sinceCheck += rows;
    if (this.#sinceCheck < rowsBetweenChecks || this.#busy) return;
    this.#busy = true;
    this.#later(0);
  }

  usage(): Usage {
    const { db } = this.#o;
    const fileBytes = db.pragma("page_count") * this.#pageBytes;
    const walBytes = statSync(`${db.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    const usedBytes = fileBytes - db.pragma("freelist_count") * this.#pageBytes;
    return { bytes: fileBytes + walBytes, walBytes, usedBytes };
  }

  /** Does one piece of work, if there is any. False when all is within bounds. Throws DISK_FULL or DISK_FAILED. */
  step(): boolean {
    const usage = this.usage();
    const { budgetBytes } = this.#o;
    this.#o.telemetry.gauge("zhian_log_bytes", usage.bytes);
    this.#tellHeldUp(usage.walBytes);
    const over = usage.bytes > budgetBytes;
    if (over && usage.walBytes > budgetBytes * walShare && this.#shrinkWal(usage)) return true;
    if (over && usage.usedBytes > budgetBytes * lowMark && this.#trim()) return true;
    return this.#age() || this.#giveBack(this.usage());
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #later(ms: number): void {
    this.#cancel();
    this.#cancel = this.#o.clock.after(ms, () => this.#run());
  }

  #run(): void {
    if (this.#closed) return;
    this.#sinceCheck = 0;
    try {
      this.#busy = this.step();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#busy = false;
    }
    if (!this.#busy) this.#tellEvicted();
    this.#later(this.#busy ? betweenStepsMs : everyMs);
  }

  #trim(): boolean {
    const { trimming } = this.#o;
    if (trimming.delivered().more) return true;
    const evicted = trimming.undelivered();
    this.#evicting += evicted.rows;
    this.#o.telemetry.count("zhian_log_evicted_total", {}, evicted.rows);
    return evicted.more;
  }

  /** A clock that is known to be wrong says nothing about age. */
  #age(): boolean {
    const { clock, trimming } = this.#o;
    if (clock.quality().state === "unsynchronised") return false;
    const now = clock.now();
    return trimming.aged({ observations: now - this.#o.observationsForMs, alarms: now - this.#o.alarmsForMs }).more;
  }

  #giveBack(usage: Usage): boolean {
    const { db, budgetBytes } = this.#o;
    const free = usage.bytes - usage.walBytes - usage.usedBytes;
    const excess = Math.max(usage.bytes - budgetBytes, free - usage.bytes * freeShare);
    if (excess < this.#pageBytes || free < this.#pageBytes) return false;
    db.shrink(Math.min(pagesPerStep, Math.ceil(excess / this.#pageBytes)));
    db.checkpoint("TRUNCATE");
    return true;
  }

  /** False where another program reads an old state and so keeps the write-ahead log from being emptied. */
  #shrinkWal(usage: Usage): boolean {
    this.#o.db.checkpoint("TRUNCATE");
    return this.usage().walBytes < usage.walBytes;
  }

  /** The disk is full, whoever filled it: what the city has is given up for what is yet to come. */
  #relieve(): void {
    const { db, trimming, floorBytes } = this.#o;
    if (this.usage().usedBytes <= floorBytes) return;
    for (let step = 0; step < reliefSteps && this.usage().usedBytes > floorBytes; step += 1) {
      if (!trimming.delivered().more) break;
    }
    db.shrink(pagesPerStep * reliefSteps);
    db.checkpoint("TRUNCATE");
  }

  /** Rows are never given up for it: what holds it up is a reader beside the gateway, and ends with that. */
  #tellHeldUp(walBytes: number): void {
    const heldUp = walBytes > heldUpWalBytes;
    if (heldUp && !this.#heldUp) {
      this.#o.logger.warn(
        { walBytes },
        "another program reads the log and keeps its write-ahead log from being emptied",
      );
    }
    this.#heldUp = heldUp;
  }

  #tellEvicted(): void {
    if (this.#evicting === 0) return;
    this.#o.logger.warn(
      { rows: this.#evicting, budgetBytes: this.#o.budgetBytes },
      "the budget was used up while the city was away: the oldest events were removed and declared as gaps",
    );
    this.#evicting = 0;
  }
}
