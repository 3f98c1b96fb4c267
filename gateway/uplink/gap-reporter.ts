import type { Clock } from "../ports/clock.ts";
import type { Cursors, Gap, Gaps } from "../ports/logs.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Outgoing, Sender } from "./dispatcher.ts";
import { contentType, type Origin, writeEvent } from "./envelope.ts";
import type { Link } from "./lane-run.ts";
import { describeCode, verdictOn } from "./reason-codes.ts";

export const gapCursor = "uplink:gaps";
const pollMs = 30_000;
const options = { contentType };

/** Tells the city of every declared gap, in order, until the broker has it. */
export class GapReporter implements Sender {
  readonly #gaps: Gaps;
  readonly #cursors: Cursors;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #origin: Origin;
  readonly #topic: string;
  #link: Link | undefined;
  #mayBeMore = false;
  #sending = false;

  constructor(parts: { gaps: Gaps; cursors: Cursors; clock: Clock; logger: Logger; origin: Origin; topic: string }) {
    this.#gaps = parts.gaps;
    this.#cursors = parts.cursors;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#origin = parts.origin;
    this.#topic = parts.topic;
  }

  attach(link: Link): void {
    this.#link = link;
    this.#sending = false;
    this.#poll(link);
  }

  detach(): void {
    this.#link = undefined;
  }

  /** A gap was met or made. */
  look(): void {
    this.#mayBeMore = true;
    this.#link?.wake();
  }

  next(): Outgoing | undefined {
    const link = this.#link;
    if (link === undefined || this.#sending || !this.#mayBeMore) return undefined;
    const gap = this.#read();
    this.#mayBeMore = gap !== undefined;
    if (gap === undefined) return undefined;
    this.#sending = true;
    return {
      topic: this.#topic,
      payload: this.#write(gap),
      options,
      settle: (outcome) => {
        if (link !== this.#link || outcome.kind === "lost") return;
        this.#sending = false;
        const verdict = outcome.kind === "accepted" ? "accepted" : verdictOn(outcome.code);
        if (verdict === "accepted") this.#cursors.set(gapCursor, gap.id);
        else {
          if (outcome.kind === "refused") {
            this.#logger.warn({ gap: gap.id, reason: describeCode(outcome.code) }, "a declared gap is not taken");
          }
          // Tried again with the next look; until then it holds back the ones behind it.
          this.#mayBeMore = false;
        }
      },
    };
  }

  /** Retention declares gaps without a word: look now and then. */
  #poll(link: Link): void {
    if (link !== this.#link) return;
    this.look();
    this.#clock.after(pollMs, () => this.#poll(link));
  }

  #read(): Gap | undefined {
    try {
      return this.#gaps.read(this.#cursors.get(gapCursor), 1)[0];
    } catch (error) {
      this.#logger.error({ err: error }, "the declared gaps cannot be read");
      return undefined;
    }
  }

  #write(gap: Gap): string {
    const { lane, epoch, from, to, reason, at } = gap;
    return writeEvent(this.#origin, {
      type: "zhian.gap",
      id: `gap-${epoch}-${lane}-${from}-${to}-${gap.id}`,
      subject: lane,
      time: at,
      clock: this.#clock.quality().state,
      data: JSON.stringify({ lane, epoch, from, to, reason, at }),
    });
  }
}
