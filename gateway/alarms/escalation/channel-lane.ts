import type { Channel, Delivery, PushMessage } from "../../ports/push.ts";

interface Waiting {
  readonly priority: number;
  readonly begin: () => void;
}

/** Tries at once through one channel. */
const atOnce = 2;

/** The queue before one channel: the gravest goes first, then the oldest. What it costs to wait here costs no other channel. */
export class ChannelLane {
  readonly #channel: Channel;
  #running = 0;
  readonly #waiting: Waiting[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** `message` is asked for when it is its turn; without one nothing is pushed, and the answer is absent. */
  async push(
    priority: number,
    message: () => PushMessage | undefined,
    signal: AbortSignal,
  ): Promise<Delivery | undefined> {
    await this.#turn(priority);
    try {
      const said = signal.aborted ? undefined : message();
      return said === undefined ? undefined : await this.#channel.push(said, signal);
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #turn(priority: number): Promise<void> {
    return new Promise((begin) => {
      const place = this.#waiting.findIndex((other) => other.priority > priority);
      this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, { priority, begin });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running >= atOnce) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running += 1;
    next.begin();
  }
}
