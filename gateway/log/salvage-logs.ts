import type { Epoch } from "../domain/ids.ts";
import { fireRelatedKinds } from "../domain/observation.ts";
import type { Database } from "./database.ts";
import type { Range } from "./gaps.ts";
import { genesis, link } from "./hash-chain.ts";
import { isJson } from "./integrity.ts";
import { checksum, isSound, parseObservation } from "./observation-row.ts";
import { attempt, readableRows } from "./readable-rows.ts";
import { Renumbering } from "./renumbering.ts";

/** What was left of one log. `last` is the last old number that was read. */
export interface SalvagedLog {
  readonly numbers: Renumbering;
  readonly lost: readonly Range[];
  readonly last: number;
}

interface OldTransition {
  readonly seq: number;
  readonly at: number;
  readonly cursor: number;
  readonly span: number;
  readonly id: string;
  readonly alarm_id: string;
  readonly transition: string;
  readonly alarm: string;
}

interface OldObservation {
  readonly seq: number;
  readonly at: number;
  readonly span: number;
  readonly occurred: number | null;
  readonly crc: number;
  readonly dedup: string | null;
  readonly json: string;
}

const rowsPerCommit = 1000;

/** Copies the alarm log under new numbers. The chain is closed afterwards, by `rechain`. */
export function salvageTransitions(old: Database, fresh: Database): SalvagedLog {
  const read = old.prepare<[number, number], OldTransition>(
    `SELECT seq, at, cursor, span, id, alarm_id, transition, alarm FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const insert = fresh.prepare<[number, number, number, number, string, string, string, string], never>(
    `INSERT INTO alarm_log (seq, at, cursor, span, id, alarm_id, transition, alarm, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT (id) DO NOTHING`,
  );
  const project = fresh.prepare<[string, number, number, number, string], never>(
    `INSERT INTO alarms (id, first, newest, open, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
     SET newest = excluded.newest, open = excluded.open, json = excluded.json`,
  );
  return copy(
    fresh,
    (lost) => readableRows(read, 0, lost),
    (row, seq) => {
      if (!isJson(row.transition) || !isJson(row.alarm) || !areWhole(row.at, row.cursor, row.span)) return false;
      if (typeof row.id !== "string" || typeof row.alarm_id !== "string") return false;
      if (insert.run(seq, row.at, row.cursor, row.span, row.id, row.alarm_id, row.transition, row.alarm) === 0)
        return false;
      project.run(row.alarm_id, seq, seq, isOpen(row.alarm) ? 1 : 0, row.alarm);
      return true;
    },
  );
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
  const read = old.prepare<[number, number], OldObservation>(
    "SELECT seq, at, span, occurred, crc, dedup, json FROM observations WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const insert = fresh.prepare<
    [number, number, number, number, number, number | null, number, string, string | null, string, string],
    never
  >(
    `INSERT INTO observations (seq, at, fire, span, received, occurred, crc, device, dedup, id, json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, dedup) WHERE dedup IS NOT NULL DO NOTHING`,
  );
  return copy(
    fresh,
    (lost) => readableRows(read, after, lost),
    (row, seq) => {
      if (!isSound(row) || !areWhole(row.at, row.span)) return false;
      const observation = parseObservation(row.json);
      const { id, deviceId, kind, receivedAt, occurredAt } = observation;
      const json = row.json.replace(/^(\{"id":"(?:[^"\\]|\\.)*","seq":)\d+/, `$1${seq}`);
      const occurred = row.occurred === null ? null : Date.parse(occurredAt);
      const fire = fireRelatedKinds.has(kind) ? 1 : 0;
      const crc = checksum(json, row.at);
      const dedup = typeof row.dedup === "string" ? row.dedup : null;
      const received = Date.parse(receivedAt);
      return insert.run(seq, row.at, fire, row.span, received, occurred, crc, deviceId, dedup, id, json) === 1;
    },
  );
}

/** Closes the chain over the rows that are left, and puts the steps at their place among the new numbers. */
export function rechain(fresh: Database, epoch: Epoch, observations: Renumbering): void {
  const read = fresh.prepare<[number, number], OldTransition>(
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

function copy<R extends { readonly seq: number }>(
  fresh: Database,
  rows: (onLost: (range: Range) => void) => Generator<R>,
  put: (row: R, seq: number) => boolean,
): SalvagedLog {
  const numbers = new Renumbering();
  const lost: Range[] = [];
  let last = 0;
  const source = rows((range) => lost.push(range));
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

/** A column of a damaged row may hold anything. */
function areWhole(...values: readonly unknown[]): boolean {
  return values.every(Number.isSafeInteger);
}

function isOpen(alarm: string): boolean {
  const { state }: { state?: unknown } = JSON.parse(alarm);
  return state !== "closed";
}
