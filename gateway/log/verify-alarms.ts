import { type Epoch, epochSchema } from "../domain/ids.ts";
import { parseTransition } from "./alarm-log.ts";
import type { Database } from "./database.ts";
import { type ChainAnchor, type ChainedRow, genesis, link } from "./hash-chain.ts";
import { headOf } from "./integrity.ts";
import { type Meta, metaOf } from "./meta.ts";
import { readTestimony, type Testimony } from "./witness.ts";

export interface VerifyOptions {
  /** A head of the chain that somebody kept, lower-case hex: is it in the chain? */
  readonly head?: string;
  /** Called now and then with the number that was reached and the newest one. */
  readonly onProgress?: (seq: number, newest: number) => void;
}

/** What was looked at. */
export interface Looked {
  readonly epoch: Epoch;
  /** Where the chain begins: before its first row, or before the first that retention left. */
  readonly anchor: ChainAnchor;
  /** The last row that follows from all before it. */
  readonly head: ChainAnchor;
  readonly transitions: number;
  /** Rows of the table of alarms that were compared with the log. */
  readonly alarms: number;
  readonly open: number;
  /** Open alarms whose steps were lost in a damaged file: nothing to compare them with. */
  readonly unlogged: number;
}

/**
 * `missing`: a number is not there. `changed`: a row is not what was chained. `mislabelled`: a row's columns name another
 * step or alarm than its text. `table`: the table of alarms says something else than the newest step of an alarm.
 * `cut-off`: the newest rows are gone. `replaced`: this is not the database that the gateway wrote to last.
 * `unknown-head`: the head that was asked for is not in the chain.
 */
export type AlarmLogFault = "missing" | "changed" | "mislabelled" | "table" | "cut-off" | "replaced" | "unknown-head";

export type AlarmLogVerdict =
  /** `found`: the row after which the head that was asked for stood. */
  (Looked & { readonly ok: true; readonly found?: number }) | (Looked & { readonly ok: false; readonly fault: Break });

/** `seq`: the first row of the alarm log that is concerned. */
export interface Break {
  readonly kind: AlarmLogFault;
  readonly seq: number;
  readonly detail: string;
}

interface Row extends ChainedRow {
  readonly hash: string;
  readonly id: string;
  readonly alarm_id: string;
  readonly first: number | null;
  readonly newest: number | null;
  readonly open: number | null;
  readonly json: string | null;
}

interface Entry {
  readonly id: string;
  readonly newest: number;
  readonly open: number;
  /** Whose row stands at the number that the table names as the newest. */
  readonly logged: string | null;
}

const rowsPerRead = 500;

/**
 * Walks the alarm log from its anchor to its head: numbers without a hole, each row following from the one before it,
 * and the table of alarms as the newest step of each left it. In small reads, also while a gateway writes.
 */
export function verifyAlarmLog(db: Database, witness: string, options: VerifyOptions): AlarmLogVerdict {
  for (;;) {
    // Read before the log: it is never ahead of what is durable.
    const testimony = readTestimony(witness);
    const meta = metaOf(db);
    const epoch = epochSchema.parse(meta.get("epoch"));
    const anchor = anchorOf(meta, epoch);
    const rows = walkRows(db, anchor, options);
    const table = walkTable(db, anchor.seq);
    const { head, found } = rows;
    const looked = { epoch, anchor, head, transitions: head.seq - anchor.seq, ...table.looked };
    const fault =
      rows.fault ?? table.fault ?? contradiction(epoch, head.seq, testimony) ?? unknown(head.seq, found, options.head);
    if (fault === undefined) return { ok: true, ...looked, ...(found === undefined ? {} : { found }) };
    // Where retention took the beginning away under the walk, what was missing is not missing.
    if (anchorOf(meta, epoch).seq === anchor.seq) return { ok: false, fault, ...looked };
  }
}

function anchorOf(meta: Meta, epoch: Epoch): ChainAnchor {
  const seq = meta.get("chain-anchor-seq");
  const hash = meta.get("chain-anchor-hash");
  return seq === undefined || hash === undefined ? genesis(epoch) : { seq: Number(seq), hash };
}

function walkRows(
  db: Database,
  anchor: ChainAnchor,
  { head: wanted, onProgress }: VerifyOptions,
): { head: ChainAnchor; found?: number; fault?: Break } {
  const read = db.prepare<[number, number], Row>(
    `SELECT l.seq, l.at, l.cursor, l.transition, l.alarm, l.hash, l.id, l.alarm_id, a.first, a.newest, a.open, a.json
     FROM alarm_log AS l LEFT JOIN alarms AS a ON a.id = l.alarm_id WHERE l.seq > ? ORDER BY l.seq LIMIT ?`,
  );
  const newest = headOf(db, "alarm_log");
  let head = anchor;
  let found = anchor.hash === wanted ? { found: anchor.seq } : {};
  for (let rows = read.all(head.seq, rowsPerRead); rows.length > 0; rows = read.all(head.seq, rowsPerRead)) {
    for (const row of rows) {
      const fault = faultOf(row, head);
      if (fault !== undefined) return { head, ...found, fault };
      head = { seq: row.seq, hash: row.hash };
      if (row.hash === wanted) found = { found: row.seq };
    }
    onProgress?.(head.seq, newest);
  }
  return { head, ...found };
}

/** What is wrong with a row, given the one before it. */
function faultOf(row: Row, before: ChainAnchor): Break | undefined {
  const seq = before.seq + 1;
  if (row.seq !== seq) return { kind: "missing", seq, detail: `after ${before.seq} comes ${row.seq}` };
  if (link(before.hash, row) !== row.hash) return { kind: "changed", seq, detail: "it does not follow from its text" };
  const { id, alarmId } = parseTransition(row.transition);
  if (row.id !== id || row.alarm_id !== alarmId) {
    return { kind: "mislabelled", seq, detail: `filed as step ${row.id}, its text is step ${id}` };
  }
  const { first, newest, open, json } = row;
  const known = first !== null && newest !== null && first <= seq && newest >= seq;
  if (!known) return { kind: "table", seq, detail: `the table does not know this step of alarm ${alarmId}` };
  // What is before the newest step was overwritten by it.
  if (newest > seq || (json === row.alarm && open === (isClosed(row.alarm) ? 0 : 1))) return undefined;
  return { kind: "table", seq, detail: `the table shows alarm ${alarmId} otherwise than this step left it` };
}

function isClosed(alarm: string): boolean {
  const { state }: { state?: unknown } = JSON.parse(alarm);
  return state === "closed";
}

/** The other direction: is there anything in the table that is not in the log? */
function walkTable(
  db: Database,
  anchorSeq: number,
): { looked: Pick<Looked, "alarms" | "open" | "unlogged">; fault?: Break } {
  const read = db.prepare<[string, number], Entry>(
    `SELECT a.id, a.newest, a.open, l.alarm_id AS logged FROM alarms AS a LEFT JOIN alarm_log AS l ON l.seq = a.newest
     WHERE a.id > ? ORDER BY a.id LIMIT ?`,
  );
  const looked = { alarms: 0, open: 0, unlogged: 0 };
  for (let rows = read.all("", rowsPerRead); rows.length > 0; rows = read.all(rows.at(-1)?.id ?? "", rowsPerRead)) {
    for (const { id, newest, open, logged } of rows) {
      looked.alarms += 1;
      looked.open += open;
      // A salvage keeps open alarms whose steps could not be read.
      if (newest === 0 && open === 1) looked.unlogged += 1;
      else if (logged !== id) {
        const detail = `the table has alarm ${id} with step ${newest} as its newest, which the log does not have`;
        return { looked, fault: { kind: "table", seq: Math.max(newest, anchorSeq), detail } };
      }
    }
  }
  return { looked };
}

function contradiction(epoch: Epoch, head: number, testimony: Testimony | undefined): Break | undefined {
  if (testimony === undefined) return undefined;
  const seq = head + 1;
  if (testimony.epoch !== epoch) {
    return { kind: "replaced", seq, detail: `the gateway last wrote to epoch ${testimony.epoch}` };
  }
  if (testimony.transitions <= head) return undefined;
  return { kind: "cut-off", seq, detail: `the gateway had written up to ${testimony.transitions}` };
}

function unknown(head: number, found: number | undefined, wanted: string | undefined): Break | undefined {
  if (wanted === undefined || found !== undefined) return undefined;
  return { kind: "unknown-head", seq: head, detail: `no row up to ${head} has it` };
}
