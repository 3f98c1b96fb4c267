import type { Cursors, Ledger } from "../ports/logs.ts";
import type { Lane, SqliteGaps } from "./gaps.ts";

/**
 * What became of the messages of a lane. Each figure is found by itself: what lies behind the cursor and was neither set
 * aside nor removed was delivered; the same ahead of it is pending.
 */
export function ledgerOf(lane: Lane, head: number, cursorName: string, cursors: Cursors, gaps: SqliteGaps): Ledger {
  const cursor = cursors.get(cursorName);
  const quarantined = gaps.quarantined(lane);
  const evicted = gaps.evicted(lane);
  const ahead = gaps.missingAfter(lane, cursor);
  return {
    accepted: head,
    delivered: cursor - (quarantined - ahead.quarantined) - (evicted - ahead.evicted),
    pending: head - cursor - ahead.quarantined - ahead.evicted,
    quarantined,
    evicted,
  };
}
