import type { Clock } from "../ports/clock.ts";

interface Holding {
  readonly owner: string;
  connections: number;
  /** Log time ms until which it is kept after the last connection. */
  until: number;
}

/**
 * Whose client id is it? The device that used it first, for as long as it is connected with it and a while after, so that
 * nobody else takes it in the moment in which its owner reconnects. A device holds a few at most, lest it squat on all.
 */
export class ClientIds {
  readonly #clock: Clock;
  readonly #heldMs: number;
  readonly #perDevice: number;
  readonly #holdings = new Map<string, Holding>();

  constructor(clock: Clock, heldMs: number, perDevice: number) {
    this.#clock = clock;
    this.#heldMs = heldMs;
    this.#perDevice = perDevice;
  }

  /** The other account that holds it now, where there is one. */
  heldByOther(clientId: string, owner: string): string | undefined {
    const holding = this.#holdings.get(clientId);
    if (holding === undefined || holding.owner === owner) return undefined;
    return holding.connections > 0 || holding.until > this.#clock.now() ? holding.owner : undefined;
  }

  take(clientId: string, owner: string): void {
    const holding = this.#holdings.get(clientId);
    this.#holdings.delete(clientId);
    const connections = holding?.owner === owner ? holding.connections : 0;
    this.#holdings.set(clientId, { owner, connections: connections + 1, until: 0 });
    const idle = [...this.#holdings].filter(([, held]) => held.owner === owner && held.connections === 0);
    for (const [spare] of idle.slice(0, Math.max(0, idle.length - this.#perDevice))) this.#holdings.delete(spare);
  }

  leave(clientId: string, owner: string): void {
    const holding = this.#holdings.get(clientId);
    if (holding === undefined || holding.owner !== owner) return;
    holding.connections = Math.max(0, holding.connections - 1);
    holding.until = this.#clock.now() + this.#heldMs;
  }

  /** The account is no longer there. */
  forget(owner: string): void {
    for (const [clientId, { owner: holder }] of this.#holdings) {
      if (holder === owner) this.#holdings.delete(clientId);
    }
  }
}
