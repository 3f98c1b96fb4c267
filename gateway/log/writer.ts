import { GatewayError } from "../domain/errors.ts";
import type { SiteId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Appended, NewObservation } from "../ports/logs.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { ClockSpans } from "./clock-spans.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";
import { checksum, type PendingRow, pendingRow } from "./observation-row.ts";
import { RecordIndex } from "./record-index.ts";

export interface WriterOptions {
  readonly db: Database;
  readonly commits: Commits;
  readonly spans: ClockSpans;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly siteId: SiteId;
  readonly head: number;
  /** No row gets a log time before this. */
  readonly floor: number;
  /** After each commit: the texts of the rows that are new, the number of the first, and their log time. */
  readonly onStored: (texts: readonly string[], firstSeq: number, at: number) => void;
}

interface Call {
  readonly rows: readonly PendingRow[];
  readonly resolve: (appended: readonly Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What one transaction came to, kept apart until it is durable. */
interface Stored {
  readonly appended: readonly (readonly Appended[])[];
  readonly fresh: readonly string[];
  readonly at: number;
  /** Keys of the fresh rows that have one. */
  readonly keys: ReadonlyMap<string, number>;
  readonly filed: boolean;
}

/** So that one commit blocks the event loop some tens of milliseconds at most. */
const rowsPerCommit = 2000;
const waitingRows = 20_000;
const waitingChars = 32 * 1024 * 1024;

/**
 * Group commit. What is appended in one turn of the event loop is committed at its end, in one transaction: an idle
 * gateway waits for no timer, and a busy one makes the batches as big as the load.
 */
export class Writer {
  readonly #o: WriterOptions;
  readonly #insert;
  readonly #records: RecordIndex;
  #queue: Call[] = [];
  #queuedRows = 0;
  #queuedChars = 0;
  #scheduled = false;
  #closed = false;
  #head: number;
  #floor: number;
  #received = { ms: Number.NaN, text: "" };

  constructor(options: WriterOptions) {
    this.#o = options;
    this.#head = options.head;
    this.#floor = options.floor;
    this.#insert = options.db.prepare<
      [number, number, number, number, number, number | null, number, string, string | null, string, string],
      never
    >(
      `INSERT INTO observations (seq, at, fire, span, received, occurred, crc, device, dedup, id, json)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#records = new RecordIndex(options.db);
    const end = options.db.prepare<[], { seq: number | null }>("SELECT max(seq) AS seq FROM observations");
    options.commits.checkWith(() => (end.get()?.seq ?? 0) === this.#head);
  }

  get head(): number {
    return this.#head;
  }

  idle(): boolean {
    return this.#queue.length === 0;
  }

  holdTime(at: number): void {
    this.#floor = Math.max(this.#floor, at);
  }

  append(batch: readonly NewObservation[]): Promise<readonly Appended[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new GatewayError("LOG_CLOSED", "the log is closed");
      if (!this.#o.commits.health().ok) throw this.#o.commits.refusal();
      const receivedAt = this.#receivedAt();
      const rows = batch.map((item) => pendingRow(item, this.#o.siteId, this.#received.ms, receivedAt));
      const chars = charsOf(rows);
      if (this.#queue.length > 0 && !this.#room(rows.length, chars)) {
        throw new GatewayError("LOG_BUSY", `${this.#queuedRows} observations wait to be written`);
      }
      this.#queue.push({ rows, resolve, reject });
      this.#queuedRows += rows.length;
      this.#queuedChars += chars;
      this.#schedule();
    });
  }

  /** Writes what waits, and takes nothing more. */
  close(): void {
    this.#closed = true;
    while (this.#queue.length > 0) this.#turn();
  }

  #room(rows: number, chars: number): boolean {
    return this.#queuedRows + rows <= waitingRows && this.#queuedChars + chars <= waitingChars;
  }

  #receivedAt(): string {
    const ms = this.#o.clock.wall();
    if (ms !== this.#received.ms) this.#received = { ms, text: new Date(ms).toISOString() };
    return this.#received.text;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#queue.length === 0) return;
      this.#turn();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #turn(): void {
    let calls = 0;
    let rows = 0;
    for (; calls < this.#queue.length && (calls === 0 || rows < rowsPerCommit); calls += 1) {
      rows += this.#queue[calls]?.rows.length ?? 0;
    }
    this.#commit(this.#take(calls));
  }

  #take(count: number): Call[] {
    const taken = this.#queue.splice(0, count);
    for (const { rows } of taken) {
      this.#queuedRows -= rows.length;
      this.#queuedChars -= charsOf(rows);
    }
    return taken;
  }

  #commit(calls: readonly Call[]): void {
    let stored: Stored;
    try {
      stored = this.#o.commits.bulk(() => this.#store(calls));
    } catch (error) {
      this.#refuse(calls, error);
      return;
    }
    this.#records.committed(stored.keys, stored.filed ? this.#head : undefined);
    const first = this.#head + 1;
    this.#head += stored.fresh.length;
    this.#floor = stored.at;
    for (const [i, call] of calls.entries()) call.resolve(stored.appended[i] ?? []);
    const rows = stored.appended.reduce((sum, appended) => sum + appended.length, 0);
    this.#o.telemetry.count("zhian_log_commits_total");
    this.#o.telemetry.count("zhian_log_observations_total", { result: "stored" }, stored.fresh.length);
    this.#o.telemetry.count("zhian_log_observations_total", { result: "duplicate" }, rows - stored.fresh.length);
    if (stored.fresh.length > 0) this.#o.onStored(stored.fresh, first, stored.at);
  }

  /** Inside the transaction: changes nothing in memory, since it may come to nothing. */
  #store(calls: readonly Call[]): Stored {
    const at = Math.max(this.#o.clock.now(), this.#floor);
    const span = this.#o.spans.current();
    const filed = this.#records.fileWhenDue(this.#head);
    const keys = new Map<string, number>();
    const fresh: string[] = [];
    const appended = calls.map(({ rows }) =>
      rows.map((row) => {
        const known = this.#known(row, keys);
        if (known !== undefined) return { seq: known, duplicate: true };
        const seq = this.#head + fresh.length + 1;
        const json = row.before + seq + row.after;
        this.#put(row, json, seq, at, span);
        fresh.push(json);
        if (row.record !== undefined) keys.set(row.record, seq);
        return { seq, duplicate: false };
      }),
    );
    return { appended, fresh, at, keys, filed };
  }

  /** The number of the same record, in this batch or in the log. */
  #known({ item, record }: PendingRow, keys: ReadonlyMap<string, number>): number | undefined {
    const { dedupKey } = item.draft;
    if (record === undefined || dedupKey === undefined) return undefined;
    return keys.get(record) ?? this.#records.find(record, item.deviceId, dedupKey);
  }

  #put(row: PendingRow, json: string, seq: number, at: number, span: number): void {
    const { id, deviceId, draft } = row.item;
    const occurred = draft.occurredAtMs === undefined ? null : Math.trunc(draft.occurredAtMs);
    const dedup = draft.dedupKey ?? null;
    this.#insert.run(seq, at, row.fire, span, row.received, occurred, checksum(json, at), deviceId, dedup, id, json);
  }

  #refuse(calls: readonly Call[], error: unknown): void {
    if (error instanceof GatewayError) {
      // The disk is in trouble: those behind would fail too, and their devices had better hear it now.
      for (const call of [...calls, ...this.#take(this.#queue.length)]) call.reject(error);
    } else if (calls.length > 1) {
      // One of them is at fault; the others must not pay for it.
      for (const call of calls) this.#commit([call]);
    } else {
      for (const call of calls) call.reject(error);
    }
  }
}

function charsOf(rows: readonly PendingRow[]): number {
  return rows.reduce((sum, row) => sum + row.after.length, 0);
}
