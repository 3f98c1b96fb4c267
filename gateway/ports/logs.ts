import type { Alarm, AlarmTransition, Certainty, Severity, Tier } from "../domain/alarm.ts";
import type { AlarmId, DeviceId, Epoch, ObservationId, ZoneId } from "../domain/ids.ts";
import type { LoggedObservation, ObservationDraft } from "../domain/observation.ts";

/** A draft with its owner. The log gives it number, log time and time of receipt. */
export interface NewObservation {
  readonly id: ObservationId;
  readonly deviceId: DeviceId;
  readonly zoneId: ZoneId;
  readonly dialect: string;
  readonly draft: ObservationDraft;
}

/** `duplicate`: the record was there already; it is as durable as a new one. */
export interface Appended {
  readonly seq: number;
  readonly duplicate: boolean;
}

/** Append only; numbered from 1 without a gap within an epoch. */
export interface ObservationLog {
  readonly epoch: Epoch;
  /**
   * Resolves when all are committed with `synchronous=FULL`, in the order of the calls. Rejects with DISK_FULL,
   * DISK_FAILED, LOG_BUSY or LOG_CLOSED: then none of them is in the log, and nothing may be acknowledged.
   */
  append(batch: readonly NewObservation[]): Promise<readonly Appended[]>;
  /** Those after `seq`, oldest first. */
  read(after: number, limit: number): readonly LoggedObservation[];
  head(): number;
  /** Called after each commit, in order, with what was newly stored. Must not throw. */
  onCommitted(listener: (batch: readonly LoggedObservation[]) => void): () => void;
  /** True when nothing waits to be written: only then may time be moved without an observation. */
  idle(): boolean;
  /** No later observation gets a log time before this. */
  holdTime(at: number): void;
}

/** The state of the rules at one point of the log, written with the transitions that came out up to there. */
export interface FusionCheckpoint {
  /** All observations up to here are in `states`. */
  readonly cursor: number;
  /** The virtual time that was reached, log time ms. */
  readonly at: number;
  /** Only what changed since the last one; `state` absent: the key is gone. JSON values. */
  readonly states: readonly { readonly rule: string; readonly key: string; readonly state?: unknown }[];
}

/** A transition with the alarm as it stands after it. */
export interface NewTransition {
  readonly transition: AlarmTransition;
  readonly alarm: Alarm;
}

export interface LoggedTransition extends NewTransition {
  readonly seq: number;
  /** How far fusion had read when it happened: replay puts the acts of people back at their place by it. */
  readonly observationCursor: number;
}

/** Append only, hash-chained; never trimmed while an alarm in it is open. */
export interface AlarmLog {
  readonly epoch: Epoch;
  /** Durable when it returns. Throws DISK_FULL, DISK_FAILED or LOG_CLOSED; then nothing was written. */
  append(transitions: readonly NewTransition[], checkpoint?: FusionCheckpoint): readonly LoggedTransition[];
  read(after: number, limit: number): readonly LoggedTransition[];
  head(): number;
  openAlarms(): readonly Alarm[];
  alarm(id: AlarmId): Alarm | undefined;
  /** Sequence number of the newest transition of an alarm; 0 where there is none. */
  newestOf(id: AlarmId): number;
  /** The whole state of the rules, to go on from after a restart. */
  checkpoint(): { cursor: number; at: number; states: { rule: string; key: string; state: unknown }[] } | undefined;
  /** Head of the hash chain, lower-case hex. */
  chainHead(): string;
}

/** Named positions in a log. A cursor may fall back a little in a crash, never forward. */
export interface Cursors {
  get(name: string): number;
  /** Kept in memory and written with the next commit, at the latest after a second. */
  set(name: string, seq: number): void;
}

/** One message of a lane, ready to be put into its envelope. */
export interface LaneEntry {
  readonly seq: number;
  /** Key by which the city removes duplicates. */
  readonly id: string;
  /** CloudEvents `type`, e.g. zhian.observation. */
  readonly type: string;
  /** ISO 8601, when it happened. */
  readonly time: string;
  /** Device id or alarm id: order is kept within it. */
  readonly subject: string;
  /** Log time ms of its commit: entries older than the connection are marked as replayed. */
  readonly at: number;
  /** The `data` of the envelope as JSON text. */
  readonly data: string;
  /** State of the clock when it was written. */
  readonly clock: "synchronised" | "assumed" | "unsynchronised";
  /** For the alarm lane: the alarm as it stands after the step, when this is the newest step of it. */
  readonly retained?: { readonly alarmId: string; readonly alarm?: string };
}

/** A range that retention removed before it was delivered, or that a damaged file lost. */
export interface Gap {
  readonly id: number;
  readonly lane: "alarms" | "events";
  readonly epoch: Epoch;
  readonly from: number;
  readonly to: number;
  readonly reason: "retention" | "damaged" | "poison";
  readonly at: string;
}

/** What an uplink lane reads from. The log is the only queue. */
export interface LaneSource {
  readonly lane: "alarms" | "events";
  readonly epoch: Epoch;
  head(): number;
  /** Lowest number still there; head + 1 when empty. */
  first(): number;
  /** Entries after `seq`, oldest first; a hole in the numbers is a declared gap. */
  read(after: number, limit: number): readonly LaneEntry[];
  /** Called after each commit that this lane can see. */
  onAppended(listener: () => void): () => void;
}

/** accepted = delivered + pending + quarantined + evicted, at every moment, per lane and epoch. */
export interface Ledger {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly quarantined: number;
  readonly evicted: number;
}

/** Declared gaps, and messages that the city's broker refused for good. */
export interface Gaps {
  /** Those after `id`, oldest first. */
  read(after: number, limit: number): readonly Gap[];
  /** Sets a message aside with its reason and declares the gap. */
  quarantine(lane: "alarms" | "events", entry: LaneEntry, reason: string): void;
  /** Messages of this epoch that were set aside, per lane. */
  quarantined(lane: "alarms" | "events"): number;
  /** Messages of this epoch that retention removed before they were delivered. */
  evicted(lane: "alarms" | "events"): number;
}

/** How far the telling of one open alarm has come. A round begins when the alarm comes, and when it comes back. */
export interface Telling {
  readonly alarmId: AlarmId;
  readonly round: number;
  /** Log time ms when the round began: the tiers count from here. */
  readonly since: number;
  /** The alarm as it was seen last. */
  readonly active: boolean;
  readonly acknowledged: boolean;
  readonly reached: Tier | 0;
  /** The highest tier of which every channel failed. */
  readonly failed: Tier | 0;
  /** What the people on duty were told last, and at what log time. */
  readonly told?: { readonly at: number; readonly severity: Severity; readonly certainty: Certainty };
  /** Pushes of this alarm so far: the next one is named by it. */
  readonly pushes: number;
}

/** One push to the people of a tier; several alarms are in one where a cool-down held them back. */
export interface Push {
  /** Equal for every try, also after a restart. */
  readonly id: string;
  readonly tier: Tier;
  readonly alarms: readonly AlarmId[];
  readonly why: "raised" | "came-back" | "graver" | "repeated" | "unanswered" | "undelivered";
  /** Rule and zone: the cool-down is theirs. */
  readonly key: string;
  /** Of the gravest, 1 to 12. */
  readonly priority: number;
  /** Log time ms when it was decided. */
  readonly at: number;
  /** Not before this log time, ms. */
  readonly due: number;
}

/** One try of a push through one channel, with the receipt or what went wrong. */
export interface PushTry {
  readonly channel: string;
  readonly at: number;
  readonly ok: boolean;
  /** Of a failure: may another try help? */
  readonly transient: boolean;
  readonly detail: string;
}

/** `obsolete`: nobody needs to hear it any more. */
export type PushOutcome = "delivered" | "failed" | "obsolete";

/** What people were told, and through what. All is durable when a call returns; each throws DISK_FULL, DISK_FAILED or LOG_CLOSED. */
export interface PushLog {
  /** Writes what was decided, all or nothing. A push that is there takes the alarms and the priority of the new one. */
  record(decided: { readonly tellings?: readonly Telling[]; readonly pushes?: readonly Push[] }): void;
  tried(pushId: string, attempt: PushTry): void;
  /** The push is over, with what follows for the alarms in it. */
  settle(pushId: string, outcome: PushOutcome, at: number, tellings?: readonly Telling[]): void;
  /** The alarm is closed: nothing more is told of it. */
  forget(alarmId: AlarmId): void;
  tellings(): readonly Telling[];
  /** Those without an outcome, oldest first, with the tries that are known. */
  unsettled(): readonly { readonly push: Push; readonly tries: readonly PushTry[] }[];
  /** Pushes of the first tier that were due after this log time. */
  firstTierSince(at: number): readonly Push[];
}
