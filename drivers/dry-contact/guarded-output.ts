import type { Clock } from "../../gateway/ports/clock.ts";
import type { Claim, Word } from "./guardian-words.ts";
import type { OutputLine } from "./line-port.ts";

export interface GuardedOutputParts {
  readonly claim: Claim;
  /** Driven in the safe state. */
  readonly wire: OutputLine;
  readonly clock: Clock;
  readonly say: (word: Word) => void;
}

const tryAgainMs = 250;

/** One output with its clock running while it is away from its safe state. */
export class GuardedOutput {
  readonly #parts: GuardedOutputParts;
  /** Since when it is away from its safe state, ms. */
  #awaySince: number | undefined;
  #released = false;
  #cancel: () => void = () => {};
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: GuardedOutputParts) {
    this.#parts = parts;
  }

  /**
   * On or off, for `forMs` if it is away from the safe state. The bound counts from when it left that state: asking again
   * does not prolong it.
   */
  set(on: boolean, forMs?: number): Promise<void> {
    return this.#inTurn(() => (on === this.#parts.claim.safeOn ? this.#goSafe() : this.#goAway(forMs)));
  }

  check(): Promise<void> {
    return this.#inTurn(() => this.#parts.wire.check());
  }

  /** Safe, then let go. Rejects where it will not go. */
  release(): Promise<void> {
    this.#released = true;
    return this.#inTurn(async () => {
      await this.#goSafe().finally(() => this.#parts.wire.close());
    });
  }

  async #goAway(forMs: number | undefined): Promise<void> {
    const { clock, claim, wire } = this.#parts;
    const now = clock.now();
    this.#awaySince ??= now;
    const until = Math.min(
      now + (forMs ?? Number.POSITIVE_INFINITY),
      this.#awaySince + (claim.mostMs ?? Number.POSITIVE_INFINITY),
    );
    this.#cancel();
    // Before it is switched, so that it goes back also if the switching hangs.
    if (until !== Number.POSITIVE_INFINITY)
      this.#cancel = clock.after(Math.max(0, until - now), () => this.#timeIsOver());
    try {
      await wire.drive(!claim.safeOn !== claim.activeLow);
    } catch (error) {
      this.#timeIsOver();
      throw error;
    }
  }

  async #goSafe(): Promise<void> {
    const { claim, wire } = this.#parts;
    this.#cancel();
    await wire.drive(claim.safeOn !== claim.activeLow);
    this.#awaySince = undefined;
  }

  #timeIsOver(): void {
    const { claim, clock, say } = this.#parts;
    this.#inTurn(() => this.#goSafe()).then(
      () => say({ event: "back", id: claim.id }),
      (error: unknown) => {
        if (this.#released) return;
        say({ event: "stuck", id: claim.id, message: error instanceof Error ? error.message : String(error) });
        this.#cancel = clock.after(tryAgainMs, () => this.#timeIsOver());
      },
    );
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
