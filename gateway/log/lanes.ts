import type { Epoch } from "../domain/ids.ts";
import type { LaneEntry, LaneSource } from "../ports/logs.ts";
import { parseTransition, type SqliteAlarmLog } from "./alarm-log.ts";
import type { ClockSpans } from "./clock-spans.ts";
import type { Database } from "./database.ts";
import type { SqliteObservationLog } from "./observation-log.ts";
import { soundText } from "./observation-row.ts";

interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly span: number;
  readonly received: number;
  readonly occurred: number | null;
  readonly crc: number;
  readonly device: string;
  readonly id: string;
  readonly json: string;
}

/** The observations as the city gets them: the text that was stored, without a parse. */
export class EventLane implements LaneSource {
  readonly lane = "events";
  readonly epoch: Epoch;
  readonly #db: Database;
  readonly #log: SqliteObservationLog;
  readonly #spans: ClockSpans;
  readonly #first;
  readonly #read;

  constructor(db: Database, log: SqliteObservationLog, spans: ClockSpans) {
    this.epoch = log.epoch;
    this.#db = db;
    this.#log = log;
    this.#spans = spans;
    this.#first = db.prepare<[], { seq: number }>("SELECT seq FROM observations ORDER BY seq LIMIT 1");
    this.#read = db.prepare<[number, number], EventRow>(
      `SELECT seq, at, span, received, occurred, crc, device, id, json FROM observations
       WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
  }

  head(): number {
    return this.#log.head();
  }

  first(): number {
    return this.#first.get()?.seq ?? this.head() + 1;
  }

  read(after: number, limit: number): readonly LaneEntry[] {
    this.#spans.current();
    return this.#read.all(after, limit).map((row) => this.#entry(row));
  }

  onAppended(listener: () => void): () => void {
    return this.#log.onAppended(listener);
  }

  /** A time by the device's own clock stays; a time by ours is corrected where ours was known to be wrong. */
  #entry(row: EventRow): LaneEntry {
    const time = row.occurred ?? row.received + this.#spans.correctionMs(row.span);
    return {
      seq: row.seq,
      id: row.id,
      type: "zhian.observation",
      time: new Date(time).toISOString(),
      subject: row.device,
      at: row.at,
      data: soundText(this.#db, row),
      clock: this.#spans.state(row.span),
    };
  }
}

interface AlarmRow {
  readonly seq: number;
  readonly at: number;
  readonly span: number;
  readonly id: string;
  readonly alarm_id: string;
  readonly transition: string;
  readonly newest: number | null;
  readonly open: number | null;
  readonly json: string | null;
}

/** The steps of the alarms; the newest step of each carries the alarm as it stands. */
export class AlarmLane implements LaneSource {
  readonly lane = "alarms";
  readonly epoch: Epoch;
  readonly #db: Database;
  readonly #log: SqliteAlarmLog;
  readonly #spans: ClockSpans;
  readonly #first;
  readonly #read;

  constructor(db: Database, log: SqliteAlarmLog, spans: ClockSpans) {
    this.epoch = log.epoch;
    this.#db = db;
    this.#log = log;
    this.#spans = spans;
    this.#first = db.prepare<[], { seq: number }>("SELECT seq FROM alarm_log ORDER BY seq LIMIT 1");
    this.#read = db.prepare<[number, number], AlarmRow>(
      `SELECT l.seq, l.at, l.span, l.id, l.alarm_id, l.transition, a.newest, a.open, a.json
       FROM alarm_log AS l LEFT JOIN alarms AS a ON a.id = l.alarm_id WHERE l.seq > ? ORDER BY l.seq LIMIT ?`,
    );
  }

  head(): number {
    return this.#log.head();
  }

  first(): number {
    return this.#first.get()?.seq ?? this.head() + 1;
  }

  read(after: number, limit: number): readonly LaneEntry[] {
    this.#spans.current();
    return this.#read.all(after, limit).map((row) => this.#entry(row));
  }

  onAppended(listener: () => void): () => void {
    return this.#log.onAppended(listener);
  }

  #entry(row: AlarmRow): LaneEntry {
    const time = this.#happened(row) + this.#spans.correctionMs(row.span);
    return {
      seq: row.seq,
      id: row.id,
      type: "zhian.alarm.transition",
      time: new Date(time).toISOString(),
      subject: row.alarm_id,
      at: row.at,
      data: row.transition,
      clock: this.#spans.state(row.span),
      ...(row.newest === row.seq ? { retained: retainedOf(row) } : {}),
    };
  }

  #happened(row: AlarmRow): number {
    try {
      return Date.parse(parseTransition(row.transition).at);
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#db.damaged(`row ${row.seq} of the alarm log`);
      throw error;
    }
  }
}

function retainedOf(row: AlarmRow): NonNullable<LaneEntry["retained"]> {
  return { alarmId: row.alarm_id, ...(row.open === 1 && row.json !== null ? { alarm: row.json } : {}) };
}
