import type { ErrorCode } from "../domain/errors.ts";
import type { Ledger } from "./logs.ts";

/** How the line to the city is, for people and health checks. */
export interface UplinkView {
  /** `off`: no uplink is configured. */
  readonly state: "up" | "connecting" | "down" | "off";
  /** Log time ms since when. */
  readonly since: number;
  /** Why it is not up. */
  readonly code?: ErrorCode;
  readonly lanes: readonly {
    readonly lane: "alarms" | "events";
    readonly epoch: string;
    /** Sequence number of the newest entry. */
    readonly head: number;
    readonly ledger: Ledger;
    /** Log time ms of the oldest entry that still waits; absent where none does. */
    readonly oldestPendingAt?: number;
  }[];
}

/** How the logs and their disk are. */
export interface StorageView {
  /** False from the first commit that failed until one succeeds. */
  readonly writable: boolean;
  /** Why it is not writable. */
  readonly code?: ErrorCode;
  /** Size of the data directory's logs. */
  readonly bytes: number;
  readonly budgetBytes?: number;
  /** Free on the disk of the data directory. */
  readonly freeBytes?: number;
}

export interface LiveReport {
  readonly alive: boolean;
  /** Why not: `event-loop-stalled`, `rules-stalled`. */
  readonly reasons: readonly string[];
  readonly version: string;
  readonly uptimeMs: number;
}

export interface ReadyReport {
  readonly ready: boolean;
  /** What keeps it from being ready, in words for an operator; empty when ready. */
  readonly reasons: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
  /** What an operator should look at although the gateway does its work. */
  readonly warnings: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
  readonly broker: { readonly listening: boolean };
  readonly log: StorageView;
  readonly uplink: UplinkView["state"];
  readonly devices: {
    readonly total: number;
    readonly online: number;
    readonly offline: number;
    readonly unknown: number;
  };
  readonly clock: { readonly state: string; readonly steppedMs: number };
}

/** Is the gateway alive, and does it do its work? */
export interface HealthBoard {
  live(): LiveReport;
  ready(): ReadyReport;
}
