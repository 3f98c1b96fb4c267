import type { Epoch } from "../domain/ids.ts";
import type { LoggedObservation } from "../domain/observation.ts";
import type { Appended, NewObservation, ObservationLog } from "../ports/logs.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Database } from "./database.ts";
import { parseObservation, soundText } from "./observation-row.ts";
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
  readonly #witness: Witness;
  readonly #logger: Logger;
  readonly #writer: Writer;
  readonly #read;
  readonly #listeners = new Set<(batch: readonly LoggedObservation[]) => void>();
  readonly #onAppended = new Set<(rows: number) => void>();

  constructor(options: ObservationLogOptions) {
    this.epoch = options.epoch;
    this.#db = options.db;
    this.#witness = options.witness;
    this.#logger = options.logger;
    this.#writer = new Writer({ ...options, onStored: (texts, first, at) => this.#stored(texts, first, at) });
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
  onAppended(listener: (rows: number) => void): () => void {
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

  #stored(texts: readonly string[], first: number, at: number): void {
    this.#witness.observations(this.head());
    if (this.#listeners.size > 0) {
      // From the text, so that what is seen live is to the last bit what a replay will see.
      const batch = texts.map((text, i) => ({ seq: first + i, at, observation: parseObservation(text) }));
      for (const listener of this.#listeners) this.#call(() => listener(batch));
    }
    for (const listener of this.#onAppended) this.#call(() => listener(texts.length));
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
