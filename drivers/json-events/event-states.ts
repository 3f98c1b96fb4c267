/** What is known of one topic that tells a state. */
interface Known {
  readonly active: boolean;
  /** The device's time of that message. */
  readonly timeMs: number | undefined;
  /** Number of the connection on which it came. */
  readonly connection: number;
}

/**
 * `edge`: it became active. `found`: it is active, and nobody knows since when: the first message after our start, or one after a
 * reconnect that has another time than the last. `same`: no news. `over`: it is not active.
 */
export type Change = "edge" | "found" | "same" | "over";

export interface Taken {
  readonly change: Change;
  readonly was: boolean | undefined;
  readonly undo: () => void;
}

const most = 1024;

/**
 * The states that a device tells by topics. ONVIF Core, "Retained flag": every message of a property carries the RETAIN flag, its
 * changes and what is sent again on a new connection alike, and nothing in the payload tells the two apart.
 */
export class EventStates {
  readonly #known = new Map<string, Known>();
  #connection = 0;

  connected(): void {
    this.#connection += 1;
  }

  /** What a message about a thing says, what was known before, and how to take it back where the log refuses it. */
  take(instance: string, active: boolean, timeMs: number | undefined): Taken {
    const before = this.#known.get(instance);
    const known: Known = { active, timeMs, connection: this.#connection };
    this.#keep(instance, known);
    const change = this.#change(before, known);
    const undo = () => {
      if (this.#known.get(instance) !== known) return;
      if (before === undefined) this.#known.delete(instance);
      else this.#known.set(instance, before);
    };
    return { change, was: before?.active, undo };
  }

  /** The device deleted the property: what it said does not hold any more. */
  deleted(topic: string): void {
    const gone = { active: false, timeMs: undefined, connection: this.#connection };
    for (const instance of this.#known.keys()) {
      if (instance.startsWith(`${topic}\n`)) this.#known.set(instance, gone);
    }
    this.#keep(topic, gone);
  }

  #keep(instance: string, known: Known): void {
    this.#known.delete(instance);
    this.#known.set(instance, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > most && oldest !== undefined) this.#known.delete(oldest);
  }

  #change(before: Known | undefined, now: Known): Change {
    if (!now.active) return before?.active === false ? "same" : "over";
    if (before === undefined) return "found";
    if (!before.active) return "edge";
    return before.connection === now.connection || before.timeMs === now.timeMs ? "same" : "found";
  }
}
