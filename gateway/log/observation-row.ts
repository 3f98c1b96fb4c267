import { crc32 } from "node:zlib";
import type { SiteId } from "../domain/ids.ts";
import { fireRelatedKinds, type Observation } from "../domain/observation.ts";
import type { NewObservation } from "../ports/logs.ts";
import type { Database } from "./database.ts";
import { recordKey } from "./record-index.ts";

/** An observation that waits for its number, rendered so far that nothing about it can fail any more. */
export interface PendingRow {
  readonly item: NewObservation;
  readonly received: number;
  readonly fire: 0 | 1;
  /** See `recordKey`. */
  readonly record: string | undefined;
  /** The text of the observation around its number. */
  readonly before: string;
  readonly after: string;
}

/** Throws where the draft is no JSON value or its time is none: the mistake of one driver, before it can hurt others. */
export function pendingRow(item: NewObservation, siteId: SiteId, received: number, receivedAt: string): PendingRow {
  const { draft } = item;
  const occurredAt = draft.occurredAtMs === undefined ? receivedAt : new Date(draft.occurredAtMs).toISOString();
  const record = draft.sourceRecordId === undefined ? "" : `"sourceRecordId":${JSON.stringify(draft.sourceRecordId)},`;
  return {
    item,
    received,
    record: draft.dedupKey === undefined ? undefined : recordKey(item.deviceId, draft.dedupKey),
    fire: fireRelatedKinds.has(draft.kind) ? 1 : 0,
    before: `{"id":${JSON.stringify(item.id)},"seq":`,
    after:
      `,"siteId":"${siteId}","deviceId":"${item.deviceId}","zoneId":"${item.zoneId}","kind":"${draft.kind}"` +
      `,"occurredAt":"${occurredAt}","receivedAt":"${receivedAt}",${record}"body":${JSON.stringify(draft.body)}` +
      `,"dialect":${JSON.stringify(item.dialect)}}`,
  };
}

/** Over the text and the log time: the engine finds torn pages, this finds bits that turned. */
export function checksum(json: string, at: number): number {
  return crc32(json, at >>> 0);
}

export interface StoredText {
  readonly seq: number;
  readonly at: number;
  readonly crc: number;
  readonly json: string;
}

export function isSound(row: StoredText): boolean {
  return typeof row.json === "string" && checksum(row.json, row.at) === row.crc;
}

/** Throws DB_CORRUPT where the text is not the one that was written. */
export function soundText(db: Database, row: StoredText): string {
  if (!isSound(row)) throw db.damaged(`observation ${row.seq}`);
  return row.json;
}

/** The text is our own and its checksum was right. */
export function parseObservation(text: string): Observation {
  return JSON.parse(text) as Observation;
}
