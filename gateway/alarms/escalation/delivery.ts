import type { Clock } from "../../ports/clock.ts";
import type { Push, PushOutcome, PushTry } from "../../ports/logs.ts";
import type { Channel, PushMessage } from "../../ports/push.ts";
import { ChannelLane } from "./channel-lane.ts";

export interface DeliveryOptions {
  readonly channels: readonly Channel[];
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** The push as it stands: a cool-down may have put more alarms into it. */
  readonly current: (id: string) => Push;
  /** Ids of the channels of its tier, in order. */
  readonly channelsOf: (push: Push) => readonly string[];
  /** What to say now; absent where nobody needs to hear it any more. */
  readonly compose: (push: Push) => PushMessage | undefined;
  readonly onTried: (push: Push, attempt: PushTry) => void;
}

/** Tries through one channel before the next one has its turn. */
const mostTries = 3;
const firstPauseMs = 2000;
/** However long the other side asks to be left alone. */
const longestPauseMs = 60_000;
/** A timer longer than 2^31 ms would fire at once. */
const longestTimerMs = 3_600_000;

/** Brings pushes to people: through the channels of the tier one after the other, until one of them takes it. */
export class PushDelivery {
  readonly #o: DeliveryOptions;
  readonly #lanes: ReadonlyMap<string, ChannelLane>;

  constructor(options: DeliveryOptions) {
    this.#o = options;
    this.#lanes = new Map(options.channels.map((channel) => [channel.id, new ChannelLane(channel)]));
  }

  /**
   * Goes on where the tries that are known ended. Absent where it was aborted: then it has no outcome, and is tried again
   * under the same id.
   */
  async deliver(id: string, known: readonly PushTry[], signal: AbortSignal): Promise<PushOutcome | undefined> {
    if (known.some((attempt) => attempt.ok)) return "delivered";
    await this.#until(this.#o.current(id).due, signal);
    for (const channel of this.#o.channelsOf(this.#o.current(id))) {
      const lane = this.#lanes.get(channel);
      const before = known.filter((attempt) => attempt.channel === channel);
      if (lane === undefined || before.some((attempt) => !attempt.transient)) continue;
      const outcome = await this.#through(id, channel, lane, before.length, signal);
      if (signal.aborted) return undefined;
      if (outcome !== "failed") return outcome;
    }
    return signal.aborted ? undefined : "failed";
  }

  async #through(
    id: string,
    channel: string,
    lane: ChannelLane,
    before: number,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const { clock, current, compose, onTried } = this.#o;
    for (let tries = before; tries < mostTries && !signal.aborted; ) {
      const { priority } = current(id);
      const delivery = await lane.push(priority, () => compose(current(id)), signal);
      if (delivery === undefined) return "obsolete";
      // What was cut off is no try.
      if (signal.aborted && !delivery.ok) break;
      tries += 1;
      const at = clock.now();
      onTried(
        current(id),
        delivery.ok
          ? { channel, at, ok: true, transient: false, detail: delivery.receipt }
          : { channel, at, ok: false, transient: delivery.transient, detail: delivery.detail },
      );
      if (delivery.ok) return "delivered";
      if (!delivery.transient) break;
      if (tries < mostTries) await this.#until(at + this.#pause(tries, delivery.retryAfterMs ?? 0), signal);
    }
    return "failed";
  }

  /** 2 s, then 4 s, half as long or half as long again, so that many do not come back at once. */
  #pause(tries: number, asked: number): number {
    const own = firstPauseMs * 2 ** (tries - 1) * (0.5 + this.#o.random());
    return Math.min(longestPauseMs, Math.max(own, asked));
  }

  async #until(at: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#o;
    while (clock.now() < at && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        };
        const cancel = clock.after(Math.min(at - clock.now(), longestTimerMs), done);
        signal.addEventListener("abort", done);
      });
    }
  }
}
