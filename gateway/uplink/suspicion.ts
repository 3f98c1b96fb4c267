import type { WireEnd } from "./wire-types.ts";

/** Ends of a connection in a row without progress, after which the lane sends one entry at a time to find the culprit. */
const stepwiseAfter = 3;
/** And after which the one entry that was under way is set aside. */
const giveUpAfter = 6;

/** What a broker says when it does not like the client, itself or the hour, rather than a message. */
const saysNothingOfMessages: ReadonlySet<number> = new Set([
  0, 135, 136, 137, 138, 139, 141, 142, 147, 150, 151, 152, 156, 157, 159, 160,
]);
/** What it says of the very message (MQTT 5 §3.14.2.1). */
const saysItIsTheMessage: ReadonlySet<number> = new Set([144, 149, 153]);

/**
 * Finds the message on which a broker closes the connection. MQTT 3.1.1 has no other way to refuse one, and sent again
 * after every reconnect it would block its lane for ever. Only a close by the other side counts, only while nothing
 * moves, and between two messages that are given up a third must have been delivered: so a broker that refuses
 * everything costs one message, not the backlog.
 */
export class Suspicion {
  #cursor = -1;
  #strikes = 0;
  #delivered = true;

  /** One entry at a time? */
  get stepwise(): boolean {
    return this.#strikes >= stepwiseAfter;
  }

  /** May another message be given up? */
  get mayGiveUp(): boolean {
    return this.#delivered;
  }

  /** The cursor moved by deliveries. */
  progressed(): void {
    this.#strikes = 0;
    this.#delivered = true;
  }

  gaveUp(): void {
    this.#strikes = 0;
    this.#delivered = false;
  }

  /** A connection ended with `inFlight` entries under way beyond `cursor`. True: give up the one that was under way. */
  ended(end: WireEnd, cursor: number, inFlight: number): boolean {
    const byTheOtherSide =
      end.kind === "closed" || (end.kind === "disconnected" && !saysNothingOfMessages.has(end.code));
    if (!byTheOtherSide || inFlight === 0) return false;
    const alone = inFlight === 1;
    this.#strikes = cursor === this.#cursor ? this.#strikes + 1 : 1;
    this.#cursor = cursor;
    const named = end.kind === "disconnected" && saysItIsTheMessage.has(end.code);
    // From here on one at a time at once: the broker said that it is one of them.
    if (named && !alone) this.#strikes = Math.max(this.#strikes, stepwiseAfter);
    return alone && this.mayGiveUp && (named || this.#strikes >= giveUpAfter);
  }
}
