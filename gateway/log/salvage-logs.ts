import type { Epoch } from "../domain/ids.ts";
import { fireRelatedKinds } from "../domain/observation.ts";
import type { Database } from "./database.ts";
import type { Range } from "./gaps.ts";
import { type ChainedRow, genesis, link } from "./hash-chain.ts";
import { isJson } from "./integrity.ts";
import { checksum, isSound, parseObservation } from "./observation-row.ts";
import { attempt, readableRows } from "./readable-rows.ts";
import { Renumbering } from "./renumbering.ts";
import { type Cell, TableLeaves } from "./table-leaves.ts";

/** What was left of one log. `last` is the last old number that was read. */
export interface SalvagedLog {
  readonly numbers: Renumbering;
  readonly lost: readonly Range[];
  readonly last: number;
}

/** A row as found, before anything about it is believed. */
interface FoundRow {
  readonly seq: number;
  readonly cells: readonly Cell[];
}

const rowsPerCommit = 1000;

/**
 * Copies the alarm log under new numbers. The chain is closed afterwards, by `rechain`; so this is the last look at the
 * old one: `altered` rows can be read but do not follow from the row before them.
 */
export function salvageTransitions(old: Database, fresh: Database): SalvagedLog & { readonly altered: number } {
  let altered = 0;
  let before: { readonly seq: number; readonly hash: Cell | undefined } | undefined;
  const insert = fresh.prepare<[number, number, number, number, string, string, string, string], never>(
    `INSERT INTO alarm_log (seq, at, cursor, span, id, alarm_id, transition, alarm, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT (id) DO NOTHING`,
  );
  const project = fresh.prepare<[string, number, number, number, string], never>(
    `INSERT INTO alarms (id, first, newest, open, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
     SET newest = excluded.newest, open = excluded.open, json = excluded.json`,
  );
  const columns = ["seq", "at", "cursor", "span", "id", "alarm_id", "transition", "alarm", "hash"];
  const log = copy(fresh, new FoundRows(old, "alarm_log", columns, 0, isStep), (row, seq) => {
    const [, at, cursor, span, id, alarmId, transition, alarm, hash] = row.cells;
    if (!isWhole(at) || !isWhole(cursor) || !isWhole(span)) return false;
    if (typeof id !== "string" || typeof alarmId !== "string" || !isJson(transition) || !isJson(alarm)) return false;
    if (insert.run(seq, at, cursor, span, id, alarmId, transition, alarm) === 0) return false;
    project.run(alarmId, seq, seq, isOpen(alarm) ? 1 : 0, alarm);
    const follows = before?.seq === row.seq - 1 && typeof before.hash === "string";
    if (follows && link(String(before?.hash), { seq: row.seq, at, cursor, transition, alarm }) !== hash) altered += 1;
    before = { seq: row.seq, hash };
    return true;
  });
  return { ...log, altered };
}

/** Alarms whose rows in the log are gone but that are still known as they stood. */
export function salvageAlarms(old: Database, fresh: Database): void {
  const read = old.prepare<[], { id: string; json: string }>("SELECT id, json FROM alarms WHERE open = 1");
  const insert = fresh.prepare<[string, string], never>(
    "INSERT INTO alarms (id, first, newest, open, json) VALUES (?, 1, 0, 1, ?) ON CONFLICT (id) DO NOTHING",
  );
  const alarms = attempt(() => read.all()) ?? [];
  fresh.transaction(() => {
    for (const { id, json } of alarms) if (isJson(json)) insert.run(id, json);
  });
}

/** Copies the observations after `after` under new numbers. */
export function salvageObservations(old: Database, fresh: Database, after: number): SalvagedLog {
  const insert = fresh.prepare<
    [number, number, number, number, number, number | null, number, string, string | null, string, string],
    never
  >(
    `INSERT INTO observations (seq, at, fire, span, received, occurred, crc, device, dedup, id, json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const columns = ["seq", "at", "fire", "span", "received", "occurred", "crc", "device", "dedup", "id", "json"];
  return copy(fresh, new FoundRows(old, "observations", columns, after, isObservation), (row, seq) => {
    const [, at, , span, , occurred, , , dedup, , json] = row.cells;
    if (!isObservation(row) || !isWhole(at) || !isWhole(span) || typeof json !== "string") return false;
    // What the checksum covers is believed before the columns beside it.
    const { id, deviceId, kind, receivedAt, occurredAt } = parseObservation(json);
    const text = json.replace(/^(\{"id":"(?:[^"\\]|\\.)*","seq":)\d+/, (_, before: string) => before + seq);
    insert.run(
      seq,
      at,
      fireRelatedKinds.has(kind) ? 1 : 0,
      span,
      Date.parse(receivedAt),
      occurred === null ? null : Date.parse(occurredAt),
      checksum(text, at),
      deviceId,
      typeof dedup === "string" ? dedup : null,
      id,
      text,
    );
    return true;
  });
}

/** Closes the chain over the rows that are left, and puts the steps at their place among the new numbers. */
export function rechain(fresh: Database, epoch: Epoch, observations: Renumbering): void {
  const read = fresh.prepare<[number, number], ChainedRow>(
    "SELECT seq, at, cursor, transition, alarm FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const write = fresh.prepare<[number, string, number], never>(
    "UPDATE alarm_log SET cursor = ?, hash = ? WHERE seq = ?",
  );
  let { seq, hash } = genesis(epoch);
  for (let rows = read.all(seq, rowsPerCommit); rows.length > 0; rows = read.all(seq, rowsPerCommit)) {
    fresh.transaction(() => {
      for (const row of rows) {
        const cursor = observations.upTo(row.cursor);
        hash = link(hash, { ...row, cursor });
        write.run(cursor, hash, row.seq);
        seq = row.seq;
      }
    });
  }
}

/** An observation that reads as it was written, under its own number. */
function isObservation({ seq, cells }: FoundRow): boolean {
  const [, at, , , , , crc, , , , json] = cells;
  if (!isWhole(at) || !isWhole(crc) || typeof json !== "string") return false;
  return isSound({ seq, at, crc, json }) && parseObservation(json).seq === seq;
}

function isStep({ cells }: FoundRow): boolean {
  const [, at, cursor, , , , transition, alarm] = cells;
  return isWhole(at) && isWhole(cursor) && isJson(transition) && isJson(alarm);
}

/** The rows of a damaged table after a number: by its tree where that can be read, else by its leaves alone. */
class FoundRows {
  readonly #old: Database;
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #after: number;
  readonly #sound: (row: FoundRow) => boolean;

  constructor(
    old: Database,
    table: string,
    columns: readonly string[],
    after: number,
    sound: (row: FoundRow) => boolean,
  ) {
    this.#sound = sound;
    this.#old = old;
    this.#table = table;
    this.#columns = columns;
    this.#after = after;
  }

  /** `onLost` hears of numbers that were not found, but for those behind the last row. */
  *rows(onLost: (range: Range) => void): Generator<FoundRow> {
    const read = this.#old.prepare<[number, number], { seq: number } & Record<string, Cell>>(
      `SELECT ${this.#columns.join(", ")} FROM ${this.#table} WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    let leaves: TableLeaves | undefined;
    const rescue = (range: Range): Iterable<{ seq: number } & Record<string, Cell>> => {
      leaves ??= new TableLeaves(this.#old.path, this.#old.pragma("page_size"), this.#columns.length);
      return rescued(leaves, range, this.#columns, onLost);
    };
    try {
      const found = (row: { seq: number } & Record<string, Cell>): FoundRow => ({
        seq: row.seq,
        cells: this.#columns.map((column) => row[column] ?? null),
      });
      for (const row of readableRows(read, this.#after, (each) => this.#sound(found(each)), rescue)) yield found(row);
    } finally {
      leaves?.close();
    }
  }
}

function* rescued(
  leaves: TableLeaves,
  range: Range,
  columns: readonly string[],
  onLost: (range: Range) => void,
): Generator<{ seq: number } & Record<string, Cell>> {
  let next = range.from;
  for (const { seq, cells } of leaves.rows(range.from, range.to)) {
    if (seq > next) onLost({ from: next, to: seq - 1 });
    next = seq + 1;
    yield { ...Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? null])), seq };
  }
  if (range.to >= next && range.to !== Number.POSITIVE_INFINITY) onLost({ from: next, to: range.to });
}

function copy(fresh: Database, found: FoundRows, put: (row: FoundRow, seq: number) => boolean): SalvagedLog {
  const numbers = new Renumbering();
  const lost: Range[] = [];
  let last = 0;
  const source = found.rows((range) => lost.push(range));
  for (let done = false; !done; ) {
    fresh.transaction(() => {
      for (let n = 0; n < rowsPerCommit; n += 1) {
        const next = source.next();
        if (next.done === true) {
          done = true;
          return;
        }
        const row = next.value;
        last = row.seq;
        // A row that does not read as it was written counts as gone.
        if (put(row, numbers.count + 1)) numbers.add(row.seq);
        else lost.push({ from: row.seq, to: row.seq });
      }
    });
  }
  return { numbers, lost, last };
}

function isWhole(value: Cell | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isOpen(alarm: string): boolean {
  const { state }: { state?: unknown } = JSON.parse(alarm);
  return state !== "closed";
}
