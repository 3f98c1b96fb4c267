import type { Clock, ClockQuality } from "../ports/clock.ts";
import type { Commits, Rider } from "./commits.ts";
import type { Database } from "./database.ts";

export type ClockState = ClockQuality["state"];

interface Span {
  readonly boot: number;
  readonly state: ClockState;
  readonly steppedMs: number;
  /** What has to be added to times of ours from then; known when the clock came right within the same run. */
  offsetMs: number | undefined;
}

interface SpanRow {
  span: number;
  boot: number;
  state: ClockState;
  stepped_ms: number;
  offset_ms: number | null;
}

/**
 * How good the clock was, by stretches: each row of a log names its stretch. When a clock that was known to be wrong is
 * set right, the step tells by how much the rows of that run before it were wrong, and their times are corrected where
 * they are told; the rows themselves stay as they were written.
 */
export class ClockSpans implements Rider {
  readonly #clock: Clock;
  readonly #boot: number;
  readonly #commits: Commits;
  readonly #spans = new Map<number, Span>();
  readonly #changed = new Set<number>();
  readonly #write;
  #newest = 0;
  #quality: ClockQuality | undefined;

  constructor(db: Database, commits: Commits, clock: Clock, boot: number) {
    this.#clock = clock;
    this.#boot = boot;
    this.#commits = commits;
    const rows = db.prepare<[], SpanRow>("SELECT span, boot, state, stepped_ms, offset_ms FROM clock_spans").all();
    for (const row of rows) {
      this.#newest = Math.max(this.#newest, row.span);
      this.#spans.set(row.span, {
        boot: row.boot,
        state: row.state,
        steppedMs: row.stepped_ms,
        offsetMs: row.offset_ms ?? undefined,
      });
    }
    this.#write = db.prepare<[number, number, string, number, number | null], never>(
      `INSERT INTO clock_spans (span, boot, state, stepped_ms, offset_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (span) DO UPDATE SET offset_ms = excluded.offset_ms`,
    );
    commits.ride(this);
  }

  /** The stretch of now; begins a new one where the clock changed. */
  current(): number {
    const quality = this.#clock.quality();
    if (this.#quality?.state !== quality.state || this.#quality.steppedMs !== quality.steppedMs) this.#begin(quality);
    return this.#newest;
  }

  state(span: number): ClockState {
    return this.#spans.get(span)?.state ?? "assumed";
  }

  /** What to add to a time that our clock gave in that stretch, ms; 0 where nothing is known to be wrong. */
  correctionMs(span: number): number {
    return this.#spans.get(span)?.offsetMs ?? 0;
  }

  dirty(): boolean {
    return this.#changed.size > 0;
  }

  write(): void {
    for (const id of this.#changed) {
      const span = this.#spans.get(id);
      if (span) this.#write.run(id, span.boot, span.state, span.steppedMs, span.offsetMs ?? null);
    }
  }

  written(): void {
    this.#changed.clear();
  }

  #begin(quality: ClockQuality): void {
    const before = this.#quality;
    this.#quality = quality;
    // A step of a clock that can be believed begins no stretch: nothing before it was known to be wrong.
    if (before?.state === quality.state && quality.state !== "unsynchronised") return;
    this.#newest += 1;
    const { state, steppedMs } = quality;
    this.#spans.set(this.#newest, { boot: this.#boot, state, steppedMs, offsetMs: undefined });
    this.#changed.add(this.#newest);
    if (state === "synchronised") this.#redate(steppedMs);
    this.#commits.rideSoon();
  }

  #redate(steppedMs: number): void {
    for (const [id, span] of this.#spans) {
      if (span.boot !== this.#boot || span.state !== "unsynchronised" || span.offsetMs !== undefined) continue;
      span.offsetMs = steppedMs - span.steppedMs;
      this.#changed.add(id);
    }
  }
}
