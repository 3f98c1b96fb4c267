import { statSync } from "node:fs";
import { uptime } from "node:os";
import type { Clock, ClockQuality } from "../ports/clock.ts";

/** No gateway of this version ran before: a wall clock that says so is wrong (a board without a battery boots in 1970). */
const builtAt = Date.parse("2026-11-01T00:00:00Z");
/** Below it is slewing by an NTP daemon, above it somebody set the clock (ntpd and timesyncd step from 128 ms up). */
const stepFromMs = 100;
const qualityForMs = 10_000;
/** setTimeout fires at once for more than 2^31 - 1 ms. */
const longestTimeoutMs = 2 ** 31 - 1;

/**
 * Files that a time daemon touches when it has synchronised, with the age up to which they vouch for the clock.
 * timesyncd: "touched on each successful synchronization" (systemd-timesyncd.service(8)), at the latest every 34 min.
 * chronyd and ntpd write the drift file hourly, only while they follow a source; so they vouch an hour late at worst.
 */
const defaultWitnesses: readonly SyncWitness[] = [
  { path: "/run/systemd/timesync/synchronized", validForMs: 24 * 3_600_000 },
  { path: "/var/lib/chrony/drift", validForMs: 3 * 3_600_000 },
  { path: "/var/lib/chrony/chrony.drift", validForMs: 3 * 3_600_000 },
  { path: "/var/lib/ntpsec/ntp.drift", validForMs: 3 * 3_600_000 },
  { path: "/var/lib/ntp/ntp.drift", validForMs: 3 * 3_600_000 },
];

export interface SyncWitness {
  readonly path: string;
  readonly validForMs: number;
}

export interface SystemClockOptions {
  /** Log time starts here at the earliest: the time of the newest entry in the log, so that a restart never goes back. */
  readonly floor?: number;
  readonly witnesses?: readonly SyncWitness[];
  /** For tests: the two clocks of the machine, ms, and the instant of its boot by the wall clock. */
  readonly sources?: { wall(): number; monotonic(): number; bootedAt(): number };
}

const machine = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  bootedAt: () => Date.now() - uptime() * 1000,
};

/** The machine's clocks behind the port: the only file that calls Date.now and setTimeout. */
export class SystemClock implements Clock {
  readonly #sources: NonNullable<SystemClockOptions["sources"]>;
  readonly #witnesses: readonly SyncWitness[];
  readonly #monotonicAtStart: number;
  #logTimeAtStart: number;
  #offset: number;
  #steppedMs = 0;
  #state: ClockQuality["state"] = "assumed";
  #stateAt = Number.NEGATIVE_INFINITY;
  readonly #ticking: NodeJS.Timeout;

  constructor(options: SystemClockOptions = {}) {
    this.#sources = options.sources ?? machine;
    this.#witnesses = options.witnesses ?? defaultWitnesses;
    this.#monotonicAtStart = this.#sources.monotonic();
    this.#logTimeAtStart = Math.max(Math.floor(this.#sources.wall()), options.floor ?? 0);
    this.#offset = this.#sources.wall() - this.#monotonicAtStart;
    this.#ticking = setInterval(() => this.#watchForStep(), 1000);
    this.#ticking.unref();
  }

  now(): number {
    return Math.floor(this.#logTimeAtStart + this.#sources.monotonic() - this.#monotonicAtStart);
  }

  wall(): number {
    return Math.floor(this.#sources.wall());
  }

  /** Lifts log time to `time` where it is behind: the log is opened after the clock, and its last entry may be later. */
  raiseTo(time: number): void {
    const behind = time - this.now();
    if (behind > 0) this.#logTimeAtStart += behind;
  }

  quality(): ClockQuality {
    this.#watchForStep();
    const monotonic = this.#sources.monotonic();
    if (monotonic - this.#stateAt >= qualityForMs) {
      this.#stateAt = monotonic;
      this.#state = this.#judge();
    }
    return { state: this.#state, steppedMs: Math.round(this.#steppedMs) };
  }

  after(ms: number, call: () => void): () => void {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer =
        left > longestTimeoutMs
          ? setTimeout(() => arm(left - longestTimeoutMs), longestTimeoutMs)
          : setTimeout(call, left);
      timer.unref();
    };
    arm(Math.max(0, ms));
    return () => clearTimeout(timer);
  }

  /** Ends the watch for steps; timers that were asked for stay. */
  close(): void {
    clearInterval(this.#ticking);
  }

  #watchForStep(): void {
    const offset = this.#sources.wall() - this.#sources.monotonic();
    const moved = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(moved) < stepFromMs) return;
    this.#steppedMs += moved;
    this.#stateAt = Number.NEGATIVE_INFINITY;
  }

  #judge(): ClockQuality["state"] {
    const wall = this.#sources.wall();
    if (wall < builtAt) return "unsynchronised";
    const bootedAt = this.#sources.bootedAt();
    return this.#witnesses.some((witness) => vouches(witness, wall, bootedAt)) ? "synchronised" : "assumed";
  }
}

/** A file from before the boot says nothing: a board without a battery lost its time since. */
function vouches(witness: SyncWitness, wall: number, bootedAt: number): boolean {
  const touchedAt = statSync(witness.path, { throwIfNoEntry: false })?.mtimeMs;
  return touchedAt !== undefined && touchedAt >= bootedAt && wall - touchedAt <= witness.validForMs;
}

/** The clock's timers keep no process alive; a command that does nothing but wait holds on to this. The result lets go. */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, longestTimeoutMs);
  return () => clearInterval(timer);
}
