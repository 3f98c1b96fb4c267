import type { Clock } from "../../gateway/ports/clock.ts";
import type { Request } from "../modbus/pdu.ts";
import { Conversation, type Failure, type Outcome } from "./conversation.ts";
import type { Timing } from "./timing.ts";
import type { Tty } from "./tty.ts";

export interface BusEvents {
  /** Bytes came in that belong to no request. */
  stray(bytes: number): void;
  lost(why: string): void;
}

/** How long a request waits for a line that is never silent. */
const babbleMs = 3000;

/**
 * One open port as a Modbus master's bus: one request at a time, written into proven silence, its answer judged alone.
 * It ends with the loss of its port; a new port is a new bus.
 */
export class Bus {
  readonly #tty: Tty;
  readonly #timing: Timing;
  readonly #clock: Clock;
  readonly #events: BusEvents;
  /** No request before this log time: the silence between frames, or the quarantine after a time-out. */
  #quietAt = 0;
  #talk: Conversation | undefined;
  #wake: () => void = () => {};
  #lost: string | undefined;

  constructor(tty: Tty, timing: Timing, clock: Clock, events: BusEvents) {
    this.#tty = tty;
    this.#timing = timing;
    this.#clock = clock;
    this.#events = events;
    // Whoever had the port before us, this gateway before its restart too, may have asked just now.
    this.#rest(timing.lateBoundMs + timing.quietMs);
    tty.listen({ received: (bytes) => this.#received(bytes), lost: (why) => this.lose(why) });
  }

  /** Ends the exchange that goes on, and all later ones, with `lost`. */
  lose(why: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = why;
    this.#talk?.giveUp(why);
    this.#wake();
    this.#events.lost(why);
  }

  /**
   * To be called again only when it has resolved. Never rejects.
   * @param echo Does the line hear itself? Absent: not known.
   */
  async exchange(request: Request, timeoutMs: number, echo: boolean | undefined): Promise<Outcome> {
    const silent = await this.#silence();
    if (this.#lost !== undefined) return unsent("lost", this.#lost);
    if (!silent) return unsent("foreign", "the line is never silent: a device babbles, or biasing is missing");
    const talk = new Conversation(
      {
        tty: this.#tty,
        timing: this.#timing,
        echo,
        clock: this.#clock,
        rest: (ms) => this.#rest(ms),
        lose: (why) => this.lose(why),
      },
      request,
      timeoutMs,
    );
    this.#talk = talk;
    talk.begin();
    const outcome = await talk.outcome;
    this.#talk = undefined;
    return outcome;
  }

  /** True in the same turn in which the input was read empty, after a long enough silence: nothing old is in the way. */
  async #silence(): Promise<boolean> {
    const patience = Math.max(this.#quietAt, this.#clock.now()) + babbleMs;
    for (;;) {
      this.#tty.poll();
      if (this.#lost !== undefined) return false;
      const now = this.#clock.now();
      if (now >= this.#quietAt) return true;
      if (now >= patience) return false;
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(Math.ceil(this.#quietAt - now), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  #received(bytes: Uint8Array): void {
    if (this.#talk !== undefined) {
      this.#talk.hear(bytes);
      return;
    }
    this.#rest(this.#timing.quietMs);
    this.#events.stray(bytes.length);
  }

  #rest(ms: number): void {
    this.#quietAt = Math.max(this.#quietAt, this.#clock.now() + ms);
  }
}

function unsent(why: Failure["why"], detail: string): Outcome {
  return { exchange: { ok: false, why, detail }, echoed: false };
}
