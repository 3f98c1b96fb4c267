import type { Epoch, SiteId } from "../domain/ids.ts";
import type { LoggedObservation } from "../domain/observation.ts";
import type { Appended, NewObservation, ObservationLog } from "../ports/logs.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Database } from "./database.ts";
import { loggedRow, type PendingRow, parseObservation, soundText } from "./observation-row.ts";
import type { Witness } from "./witness.ts";
import { Writer, type WriterOptions } from "./writer.ts";

export interface ObservationLogOptions extends Omit<WriterOptions, "onStored"> {
  readonly epoch: Epoch;
  readonly witness: Witness;
  readonly logger: Logger;
}

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly crc: number;
  readonly json: string;
}

export class SqliteObservationLog implements ObservationLog {
  readonly epoch: Epoch;
  readonly #db: Database;
  readonly #siteId: SiteId;
  readonly #witness: Witness;
  readonly #logger: Logger;
  readonly #writer: Writer;
  readonly #read;
  readonly #listeners = new Set<(batch: readonly LoggedObservation[]) => void>();
  readonly #onAppended = new Set<() => void>();

  constructor(options: ObservationLogOptions) {
    this.epoch = options.epoch;
    this.#db = options.db;
    this.#siteId = options.siteId;
    this.#witness = options.witness;
    this.#logger = options.logger;
    this.#writer = new Writer({ ...options, onStored: (rows, first, at) => this.#stored(rows, first, at) });
    this.#read = options.db.prepare<[number, number], Row>(
      "SELECT seq, at, crc, json FROM observations WHERE seq > ? ORDER BY seq LIMIT ?",
    );
  }

  append(batch: readonly NewObservation[]): Promise<readonly Appended[]> {
    return this.#writer.append(batch);
  }

  read(after: number, limit: number): readonly LoggedObservation[] {
    return this.#read.all(after, limit).map((row) => ({
      seq: row.seq,
      at: row.at,
      observation: parseObservation(soundText(this.#db, row)),
    }));
  }

  head(): number {
    return this.#writer.head;
  }

  onCommitted(listener: (batch: readonly LoggedObservation[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Like `onCommitted`, for those who read for themselves. */
  onAppended(listener: () => void): () => void {
    this.#onAppended.add(listener);
    return () => this.#onAppended.delete(listener);
  }

  idle(): boolean {
    return this.#writer.idle();
  }

  holdTime(at: number): void {
    this.#writer.holdTime(at);
  }

  /** Writes what waits, and takes nothing more. */
  close(): void {
    this.#writer.close();
  }

  #stored(rows: readonly PendingRow[], first: number, at: number): void {
    this.#witness.observations(this.head());
    if (this.#listeners.size > 0) {
      const batch = rows.map((row, i) => loggedRow(row, this.#siteId, first + i, at));
      for (const listener of this.#listeners) this.#call(() => listener(batch));
    }
    for (const listener of this.#onAppended) this.#call(listener);
  }

  /** A reader that throws must not keep the others, or the acknowledgement, from what is durable. */
  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#logger.error({ err: error }, "a reader of the observation log failed; it goes on from its cursor");
    }
  }
}
