import type { Clock } from "../ports/clock.ts";
import { AdaptiveLimit } from "./adaptive-limit.ts";
import type { Outcome, PublishOptions, Wire } from "./wire-types.ts";

/** One message on its way out. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string;
  readonly options?: PublishOptions;
  /** Called once with the broker's word. */
  settle(outcome: Outcome): void;
}

/** Something that has messages to send. It is asked when there is room, so that nothing ever queues behind the log. */
export interface Sender {
  /** The next message, or none for now; whoever has one again wakes the dispatcher. */
  next(): Outgoing | undefined;
}

/** `alarms` go before all else, `control` (birth, state, gaps, answers) before `bulk` (events, ranges asked for again). */
export interface Senders {
  readonly alarms: readonly Sender[];
  readonly control: readonly Sender[];
  readonly bulk: readonly Sender[];
}

type Share = keyof Senders;

/** So many messages a turn of the event loop; then whatever else the gateway does has its turn. */
const perTurn = 128;

/**
 * Places kept free for alarms, so that one never waits for an acknowledgement of something else. Where the broker takes
 * only one message at a time there is none to keep; the alarm is the next one then.
 */
export function reservedForAlarms(capacity: number): number {
  if (capacity < 2) return 0;
  return Math.min(32, Math.max(1, Math.floor(capacity / 8)));
}

/** Decides what goes onto the wire next. In flight are never more than the broker's Receive Maximum or our own window. */
export class Dispatcher {
  readonly #wire: Wire;
  readonly #senders: Senders;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #bulkLimit: AdaptiveLimit;
  readonly #inFlight: Record<Share, number> = { alarms: 0, control: 0, bulk: 0 };
  #turn = 0;
  #scheduled = false;
  #stopped = false;

  constructor(options: { wire: Wire; senders: Senders; window: number; clock: Clock }) {
    this.#wire = options.wire;
    this.#senders = options.senders;
    this.#clock = options.clock;
    this.#capacity = Math.max(1, Math.min(options.window, options.wire.receiveMaximum));
    this.#bulkLimit = new AdaptiveLimit(this.#capacity - reservedForAlarms(this.#capacity));
  }

  /** Messages that the broker has not acknowledged. */
  get inFlight(): number {
    return this.#inFlight.alarms + this.#inFlight.control + this.#inFlight.bulk;
  }

  /** Something may be sent again. Costs nothing when a turn is due anyway. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** Sends nothing more; what is in flight still settles. */
  stop(): void {
    this.#stopped = true;
  }

  #run(): void {
    for (let sent = 0; sent < perTurn; sent++) {
      if (this.#stopped || !this.#sendOne()) return;
    }
    this.wake();
  }

  #sendOne(): boolean {
    const { alarms, control, bulk } = this.#inFlight;
    const free = this.#capacity - alarms - control - bulk;
    if (free <= 0) return false;
    // One place is left to the others, so that a flood of alarms does not silence the answers to the city's commands.
    const alarmPlaces = this.#capacity > 1 ? this.#capacity - 1 : 1;
    if (alarms < alarmPlaces && this.#sendFrom("alarms", this.#senders.alarms)) return true;
    const others = this.#capacity - reservedForAlarms(this.#capacity) - control - bulk;
    if (others <= 0) return false;
    if (this.#sendFrom("control", this.#senders.control)) return true;
    if (bulk >= this.#bulkLimit.limit) return false;
    this.#turn += 1;
    return this.#sendFrom("bulk", this.#senders.bulk, this.#turn);
  }

  /** Asks them in order, beginning at `start`. */
  #sendFrom(share: Share, senders: readonly Sender[], start = 0): boolean {
    for (let i = 0; i < senders.length; i++) {
      const message = senders[(start + i) % senders.length]?.next();
      if (message === undefined) continue;
      this.#send(share, message);
      return true;
    }
    return false;
  }

  #send(share: Share, message: Outgoing): void {
    const sentAt = this.#clock.now();
    this.#inFlight[share] += 1;
    void this.#wire.publish(message.topic, message.payload, message.options).then((outcome) => {
      if (share === "bulk" && outcome.kind === "accepted") {
        const now = this.#clock.now();
        this.#bulkLimit.acknowledged(now, now - sentAt, this.#inFlight.bulk);
      }
      this.#inFlight[share] -= 1;
      message.settle(outcome);
      this.wake();
    });
  }
}
