import type { Clock } from "../ports/clock.ts";
import type { LaneEntry, LaneSource } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { fits } from "./delivery.ts";
import type { Outgoing, Sender } from "./dispatcher.ts";
import { contentType, type LaneWriter } from "./envelope.ts";
import type { Link } from "./lane-run.ts";
import { Pacer } from "./pacer.ts";
import { verdictOn } from "./reason-codes.ts";
import { type Ticket, Window } from "./window.ts";
import type { Outcome } from "./wire-types.ts";

/** Ranges that wait or are being sent, at most; further ones are refused. */
export const mostRanges = 4;
/** Entries a second. */
export const rangeRate = 1_000;
/** Entries of a range under way: the lanes keep the rest of the window. */
const inFlight = 32;
const readAhead = 64;
const againAfterMs = 5_000;
const mostSetbacks = 10;
const options = { contentType };

/** What the city asked for; the sequences are both included. */
export interface Range {
  readonly source: LaneSource;
  readonly writer: LaneWriter;
  readonly topic: string;
  readonly from: number;
  readonly to: number;
}

interface Job extends Range {
  window: Window;
  buffer: readonly LaneEntry[];
  at: number;
  position: number;
  setbacks: number;
}

/**
 * Sends ranges again that the city asked for, each as long as this program runs, over as many connections as it takes.
 * The lanes' cursors, the books and the retained alarms are not touched.
 */
export class RangeReplays implements Sender {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #telemetry: Telemetry;
  readonly #pacer: Pacer;
  #jobs: readonly Job[] = [];
  #link: Link | undefined;
  #paused = false;

  constructor(clock: Clock, logger: Logger, telemetry: Telemetry) {
    this.#clock = clock;
    this.#logger = logger;
    this.#telemetry = telemetry;
    this.#pacer = new Pacer(rangeRate, clock.now());
  }

  attach(link: Link): void {
    this.#link = link;
    for (const job of this.#jobs) rewind(job);
  }

  detach(): void {
    this.#link = undefined;
  }

  /** False where too many wait already. */
  add(range: Range): boolean {
    if (this.#jobs.length >= mostRanges) return false;
    const before = range.from - 1;
    this.#jobs = [
      ...this.#jobs,
      { ...range, window: new Window(before), buffer: [], at: 0, position: before, setbacks: 0 },
    ];
    this.#link?.wake();
    return true;
  }

  next(): Outgoing | undefined {
    const link = this.#link;
    const job = this.#jobs[0];
    const now = this.#clock.now();
    if (link === undefined || job === undefined || this.#paused) return undefined;
    if (job.window.span >= inFlight) return undefined;
    let entry: LaneEntry | undefined;
    try {
      entry = peek(job);
    } catch (error) {
      this.#logger.error({ err: error, lane: job.source.lane }, "a range cannot be read");
      this.#setBack(job);
      return undefined;
    }
    if (entry === undefined) {
      if (job.window.inFlight === 0) this.#finish(job);
      return undefined;
    }
    const wait = this.#pacer.take(now);
    if (wait > 0) {
      this.#clock.after(wait, () => this.#link?.wake());
      return undefined;
    }
    job.at += 1;
    job.position = entry.seq;
    const { window } = job;
    const ticket = window.open(entry.seq);
    const payload = job.writer.entry(entry, true);
    if (!fits(job.topic, payload, link.maximumPacketSize)) {
      window.settle(ticket, "quarantined");
      link.wake();
      return undefined;
    }
    const settle = (outcome: Outcome): void => {
      if (link === this.#link && window === job.window) this.#settled(job, ticket, outcome);
    };
    return { topic: job.topic, payload, options, settle };
  }

  #settled(job: Job, ticket: Ticket, outcome: Outcome): void {
    if (outcome.kind === "lost") return;
    const verdict = outcome.kind === "accepted" ? "accepted" : verdictOn(outcome.code);
    if (verdict === "accepted" || verdict === "poison") {
      const passage = job.window.settle(ticket, verdict === "accepted" ? "delivered" : "quarantined");
      if (passage !== undefined) job.setbacks = 0;
      this.#telemetry.count("zhian_uplink_replayed_total", { lane: job.source.lane });
    } else this.#setBack(job);
  }

  /** From the last that is settled, later; in the end not at all: the city can ask again. */
  #setBack(job: Job): void {
    job.setbacks += 1;
    if (job.setbacks > mostSetbacks) {
      this.#finish(job);
      return;
    }
    rewind(job);
    this.#paused = true;
    this.#clock.after(againAfterMs, () => {
      this.#paused = false;
      this.#link?.wake();
    });
  }

  #finish(job: Job): void {
    this.#jobs = this.#jobs.filter((other) => other !== job);
    const { from, to, source, window } = job;
    this.#logger.info({ lane: source.lane, from, to, reached: window.cursor }, "a range was sent again");
    this.#link?.wake();
  }
}

/** The next entry of the range; none where all of it was read. */
function peek(job: Job): LaneEntry | undefined {
  if (job.at >= job.buffer.length && job.position < job.to) {
    job.buffer = job.source.read(job.position, readAhead);
    job.at = 0;
  }
  const entry = job.buffer[job.at];
  return entry !== undefined && entry.seq <= job.to ? entry : undefined;
}

function rewind(job: Job): void {
  job.window = new Window(job.window.cursor);
  job.position = job.window.cursor;
  job.buffer = [];
  job.at = 0;
}
