import type { LaneEntry } from "../ports/logs.ts";
import type { Outgoing } from "./dispatcher.ts";
import type { Overtaking } from "./overtaking.ts";
import type { Pacer } from "./pacer.ts";
import { type Ticket, Window } from "./window.ts";

/** The connection as a lane sees it. */
export interface Link {
  /** Bytes of a whole packet that the broker takes; absent: any. */
  readonly maximumPacketSize?: number;
  /** There may be something to send. */
  wake(): void;
}

/** What a lane knows only as long as a connection lasts. */
export interface Run {
  readonly link: Link;
  readonly window: Window;
  /** Up to here all is older than the connection. */
  readonly backlogEnd: number;
  readonly pacer: Pacer;
  readonly overtaking?: Overtaking;
  buffer: readonly LaneEntry[];
  at: number;
  /** The newest entry that was read. */
  position: number;
  mayBeMore: boolean;
  /** Pauses that are not over. */
  pauses: number;
  /** Second messages of entries whose first is out. */
  readonly companions: Outgoing[];
  /** Entries that the broker did not take, oldest first. */
  repairs: readonly Repair[];
  repairing: boolean;
  /** The broker said that nobody is subscribed. */
  unheard: boolean;
}

/** An entry that the broker did not take, and how often. */
export interface Repair {
  readonly ticket: Ticket;
  readonly tries: number;
}

/** A run at its beginning: all after the cursor is still to be sent. */
export function beginRun(
  link: Link,
  start: { cursor: number; backlogEnd: number; pacer: Pacer; overtaking?: Overtaking },
): Run {
  const { cursor, ...rest } = start;
  return {
    link,
    ...rest,
    window: new Window(cursor),
    buffer: [],
    at: 0,
    position: cursor,
    mayBeMore: true,
    pauses: 0,
    companions: [],
    repairs: [],
    repairing: false,
    unheard: false,
  };
}
