import type { Trouble } from "./trouble.ts";
import type { Command } from "./wire.ts";

/** 1 SnapID, 2 RecordID, 3 generic. */
export type AckType = 1 | 2 | 3;

/** A record in the device's storage. `write` makes its message anew for each transmission. */
export interface StoredRecord {
  readonly id: number;
  readonly ackType: AckType;
  readonly topic: "Rec" | "Snap";
  readonly atMs: number;
  /** False where the message carries no id that a PushAck could name: it is sent once and forgotten. */
  readonly acknowledgeable: boolean;
  /** What the story calls it. */
  readonly label: string;
  write(late: boolean): unknown;
  /** A film that follows it over HTTP: the fields beside the file. */
  readonly film?: Readonly<Record<string, string>>;
}

/** A device's software, whatever it speaks over. */
export interface Station {
  /** Records that nothing has settled yet. */
  readonly waiting: number;
  readonly connected: boolean;
  /** Of its own HTTP server, where it has one that listens. */
  readonly address?: string | undefined;
  readonly timeZone: string;
  /** Device clock minus true time, ms. */
  readonly clockSkewMs: number;
  /** What the device's own clock shows. */
  now(): number;
  timeText(atMs: number): string;
  /** Connects and goes on connecting until `cut` or `stop`. */
  start(): void;
  /** Power or cable gone. Records go on being stored. */
  cut(): void;
  stop(): Promise<void>;
  /** Stores a record and sends it when its turn comes. */
  push(record: StoredRecord): void;
  /** What is wrong with it from now on; an empty object where nothing is. */
  trouble(trouble: Trouble): void;
}

export type StationEvent =
  | { readonly type: "connected" | "disconnected" | "accepted" }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "announced"; readonly attempt: number }
  | { readonly type: "sent"; readonly record: StoredRecord; readonly attempt: number; readonly late: boolean }
  | { readonly type: "acknowledged"; readonly record: StoredRecord; readonly afterMs: number }
  /** `buffered`: kept while cut off. `dropped`: the storage was full, the oldest went. */
  | { readonly type: "buffered" | "dropped"; readonly record: StoredRecord };

export interface StationOptions {
  readonly url: string;
  readonly deviceId: string;
  readonly username: string;
  readonly password: string;
  readonly name?: string;
  readonly timeZone?: string;
  /** Device clock minus true time. */
  readonly clockSkewMs?: number;
  readonly heartbeatEveryMs?: number;
  readonly onlineEveryMs?: number;
  readonly ackWithinMs?: number;
  readonly reconnectEveryMs?: number;
  /** How long it is away when it is told to restart. */
  readonly rebootMs?: number;
  /** ResumefromBreakpoint: send the same record until a PushAck names it. */
  readonly resume?: boolean;
  /** Whether a record that is sent again says Sendintime 0; makers differ, most send the very same bytes. */
  readonly resendAsLate?: boolean;
  /** Records kept while cut off. */
  readonly storage?: number;
  readonly onEvent?: (event: StationEvent) => void;
  /** Commands other than those of the connection itself; true when it was understood. */
  readonly onCommand?: (command: Command) => boolean;
}
