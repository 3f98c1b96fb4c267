import type { Clock } from "../../gateway/ports/clock.ts";
import type { Exchange } from "../../gateway/ports/driver.ts";
import type { Request } from "../modbus/pdu.ts";
import { encodeRequest, type Judgement, judge, requestBytes } from "./rtu-frame.ts";
import type { Timing } from "./timing.ts";
import type { Tty } from "./tty.ts";

/** How an exchange went, and what the next one has to know of it. */
export interface Outcome {
  readonly exchange: Exchange;
  /** Log time ms at which the request had left the line; absent when it was never sent. */
  readonly leftAt?: number;
  readonly echoed: boolean;
}

export type Failure = Exclude<Exchange, { ok: true }>;

/** What the bus lends to a conversation. */
export interface Surroundings {
  readonly tty: Tty;
  readonly timing: Timing;
  readonly echo: boolean | undefined;
  readonly clock: Clock;
  /** No request before so many ms from now. */
  rest(ms: number): void;
  lose(why: string): void;
}

/** No answer with all that may follow it is longer; more is not kept. */
const hearingBound = 1024;
/** A port that has not sent a request within this beyond its time on the wire never will. */
const drainGraceMs = 2000;
/** How long garbage may go on after the time-out before the exchange ends all the same. */
const garbageMs = 3000;

/**
 * One request and what is heard after it. An answer counts when it is complete and t3.5 of silence has followed; garbage
 * is heard out until the line is quiet. Whatever happens, `outcome` resolves.
 */
export class Conversation {
  readonly outcome: Promise<Outcome>;
  readonly #around: Surroundings;
  readonly #request: Request;
  readonly #timeoutMs: number;
  readonly #mayAnswerAt: number;
  readonly #leftAt: number;
  #heard = new Uint8Array(0);
  #early = 0;
  #overdue = false;
  #ended = false;
  #resolve: (outcome: Outcome) => void = () => {};
  #cancelSettling = (): void => {};
  #cancelDeadline = (): void => {};

  constructor(around: Surroundings, request: Request, timeoutMs: number) {
    const { clock, timing, tty } = around;
    this.#around = around;
    this.#request = request;
    this.#timeoutMs = timeoutMs;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const wireMs = timing.wireMs(requestBytes);
    this.#leftAt = clock.now() + wireMs;
    // `Clock.now` is in whole ms, hence the 1.
    this.#mayAnswerAt = tty.wired ? this.#leftAt - 1 : Number.NEGATIVE_INFINITY;
  }

  /** Writes the request. The input has to be empty. */
  begin(): void {
    const { clock, timing, tty } = this.#around;
    const patience = Math.ceil(timing.wireMs(requestBytes)) + drainGraceMs;
    this.#cancelDeadline = clock.after(patience, () => this.#around.lose("the port does not send"));
    try {
      tty.write(encodeRequest(this.#request));
    } catch (error) {
      this.#around.lose(`writing fails: ${messageOf(error)}`);
      return;
    }
    tty.drain().then(
      () => this.#drained(),
      (error: unknown) => this.#around.lose(`sending fails: ${messageOf(error)}`),
    );
  }

  hear(bytes: Uint8Array): void {
    if (this.#around.clock.now() < this.#mayAnswerAt) this.#early += bytes.length;
    if (this.#heard.length < hearingBound) this.#heard = Uint8Array.from([...this.#heard, ...bytes]);
    this.#weigh();
  }

  /** The port is lost. */
  giveUp(why: string): void {
    this.#end({ ok: false, why: "lost", detail: why });
  }

  #drained(): void {
    if (this.#ended) return;
    this.#cancelDeadline();
    this.#cancelDeadline = this.#around.clock.after(this.#timeoutMs, () => {
      this.#overdue = true;
      this.#cancelDeadline = this.#around.clock.after(garbageMs, () => this.#fail("foreign", "garbage without end"));
      // The event loop may have been late: what has come in by now counts as in time.
      this.#around.tty.poll();
      this.#weigh();
    });
  }

  #weigh(): void {
    if (this.#ended) return;
    this.#cancelSettling();
    const { silenceMs, quietMs } = this.#around.timing;
    const { verdict } = this.#judge();
    switch (verdict.kind) {
      case "incomplete":
        if (this.#overdue) this.#unanswered();
        break;
      case "answer":
        this.#endAfter(silenceMs, { ok: true, registers: verdict.values });
        break;
      case "exception":
        this.#endAfter(silenceMs, { ok: false, why: "exception", detail: verdict.detail });
        break;
      case "wrong":
        this.#around.rest(quietMs);
        this.#endAfter(quietMs, { ok: false, why: verdict.why, detail: verdict.detail });
        break;
    }
  }

  /** Ends with `exchange` when it stays silent for so long; further bytes begin the judgement anew. */
  #endAfter(ms: number, exchange: Exchange): void {
    this.#cancelSettling = this.#around.clock.after(Math.ceil(ms), () => {
      const length = this.#heard.length;
      this.#around.tty.poll();
      if (this.#heard.length === length) this.#end(exchange);
    });
  }

  /** The quarantine begins: time for the longest reply that has just begun, and for the adapter to hand it over. */
  #unanswered(): void {
    const { longestReplyMs, latencyMs } = this.#around.timing;
    this.#around.rest(longestReplyMs + latencyMs);
    const got = this.#heard.length - (this.#judge().echoed ? requestBytes : 0);
    if (got === 0) this.#fail("timeout", `no answer within ${this.#timeoutMs} ms`);
    else this.#fail("short", `${got} bytes within ${this.#timeoutMs} ms, not a whole answer`);
  }

  #judge(): Judgement {
    return judge(this.#request, this.#heard, { echo: this.#around.echo, early: this.#early });
  }

  #fail(why: Failure["why"], detail: string): void {
    this.#end({ ok: false, why, detail });
  }

  #end(exchange: Exchange): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelSettling();
    this.#cancelDeadline();
    this.#resolve({ exchange, leftAt: this.#leftAt, echoed: this.#judge().echoed });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
