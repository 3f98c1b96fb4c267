import { GatewayError, isGatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { findPlace } from "./find-place.ts";
import { GuardedOutput } from "./guarded-output.ts";
import type { Claim, Request, Word } from "./guardian-words.ts";
import type { GpioLines } from "./line-port.ts";

export interface GuardianParts {
  readonly clock: Clock;
  readonly openLines: (root: string, backend: Claim["backend"]) => Promise<GpioLines>;
  readonly say: (word: Word) => void;
}

/**
 * Holds every output of the gateway, in a process of its own. An output is in its safe state from the claim on, after its
 * time, and when the gateway is gone, however that came about; no request keeps it away longer than its bound.
 */
export class Guardian {
  readonly #parts: GuardianParts;
  readonly #outputs = new Map<string, { readonly output: GuardedOutput; readonly place: string }>();
  /** Claims and releases one after the other, so that a line changes hands in order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: GuardianParts) {
    this.#parts = parts;
  }

  /** Says the answer; never rejects. */
  async obey(request: Request): Promise<void> {
    const { n } = request;
    try {
      await this.#carryOut(request);
      this.#parts.say({ n, ok: true });
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#parts.say({ n, ok: false, code: error.code, message: error.message });
    }
  }

  /** The gateway is gone: every output is safe when this resolves, or will not go. */
  async end(): Promise<void> {
    await this.#turn;
    const held = [...this.#outputs.values()];
    this.#outputs.clear();
    await Promise.allSettled(held.map(({ output }) => output.release()));
  }

  #carryOut(request: Request): Promise<void> {
    switch (request.ask) {
      case "claim":
        return this.#inTurn(() => this.#claim(request.claim));
      case "release":
        return this.#inTurn(() => this.#release(request.id));
      case "set":
        return this.#held(request.id).set(request.on, request.forMs);
      case "check":
        return this.#held(request.id).check();
    }
  }

  async #claim(claim: Claim): Promise<void> {
    const { clock, openLines, say } = this.#parts;
    const { id, root, backend, chip, line } = claim;
    await this.#release(id);
    const lines = await openLines(root, backend);
    const place = await findPlace(lines, chip, line);
    const where = `${root} ${place.chip.name} ${place.offset}`;
    const other = [...this.#outputs].find(([, held]) => held.place === where)?.[0];
    if (other !== undefined) {
      throw new GatewayError("GPIO_BUSY", `line ${place.offset} of ${place.chip.label} is ${other}'s already`);
    }
    const wire = await lines.output(place, claim.bias, claim.safeOn !== claim.activeLow);
    const output = new GuardedOutput({ claim, wire, clock, say });
    this.#outputs.set(id, { output, place: where });
  }

  async #release(id: string): Promise<void> {
    const held = this.#outputs.get(id);
    this.#outputs.delete(id);
    await held?.output.release();
  }

  #held(id: string): GuardedOutput {
    const held = this.#outputs.get(id);
    if (held === undefined) throw new GatewayError("GPIO_ABSENT", `${id} was not claimed`);
    return held.output;
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
