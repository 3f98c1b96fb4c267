import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { fits } from "./delivery.ts";
import type { Outgoing, Sender } from "./dispatcher.ts";
import { contentType } from "./envelope.ts";
import type { Link } from "./lane-run.ts";
import { describeCode } from "./reason-codes.ts";

/** A topic is published at most so often, ms. */
export const restMs = 1_000;
const againAfterMs = 30_000;
const tooLarge = 0x95;
const full = { retain: true, contentType };
const emptied = { retain: true };

interface Slot {
  readonly topic: string;
  /** What stands there now; `undefined` empties the topic. Called when it is sent, so only the newest counts. */
  render: () => string | undefined;
  /** `kept`: published after every connect. `once`: on this connection. `owed`: until the broker has it. */
  readonly kind: "kept" | "once" | "owed";
  phase: "idle" | "ready" | "sending" | "resting";
  again: boolean;
}

/**
 * Retained topics of which only the newest counts. What changes faster than once a second is conflated; what changes
 * while a message is under way is sent again after it, so that messages of one topic never cross.
 */
export class RetainedBoard implements Sender {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #telemetry: Telemetry;
  readonly #slots = new Map<string, Slot>();
  #ready: Slot[] = [];
  #link: Link | undefined;

  constructor(clock: Clock, logger: Logger, telemetry: Telemetry) {
    this.#clock = clock;
    this.#logger = logger;
    this.#telemetry = telemetry;
  }

  /** Everything that is kept is published anew: the broker may have forgotten it, or be another one. */
  attach(link: Link): void {
    this.#link = link;
    this.#ready = [];
    for (const slot of this.#slots.values()) {
      slot.phase = "idle";
      this.#makeReady(slot);
    }
  }

  detach(): void {
    this.#link = undefined;
    this.#ready = [];
    for (const slot of [...this.#slots.values()]) {
      slot.phase = "idle";
      slot.again = false;
      if (slot.kind === "once") this.#slots.delete(slot.topic);
    }
  }

  /** A topic that stands until it is removed. */
  keep(topic: string, render: () => string | undefined): void {
    this.#touch(topic, render, "kept");
  }

  /** Publishes once, on this connection only. */
  once(topic: string, render: () => string | undefined): void {
    if (this.#link !== undefined) this.#touch(topic, render, "once");
  }

  /** Empties a topic, now or after the next connect, and forgets it. */
  remove(topic: string): void {
    this.#touch(topic, () => undefined, "owed");
  }

  has(topic: string): boolean {
    return this.#slots.get(topic)?.kind === "kept";
  }

  next(): Outgoing | undefined {
    const link = this.#link;
    for (let slot = this.#ready.shift(); slot !== undefined; slot = this.#ready.shift()) {
      if (link === undefined || this.#slots.get(slot.topic) !== slot) continue;
      const payload = slot.render();
      if (payload === undefined || fits(slot.topic, payload, link.maximumPacketSize)) {
        return this.#send(link, slot, payload);
      }
      slot.phase = "idle";
      this.#refused(slot, tooLarge);
    }
    return undefined;
  }

  #touch(topic: string, render: () => string | undefined, kind: Slot["kind"]): void {
    const known = this.#slots.get(topic);
    if (known?.kind === kind) {
      known.render = render;
      this.#makeReady(known);
      return;
    }
    const slot: Slot = { topic, render, kind, phase: "idle", again: false };
    this.#slots.set(topic, slot);
    this.#makeReady(slot);
  }

  #makeReady(slot: Slot): void {
    if (this.#link === undefined) return;
    if (slot.phase !== "idle") {
      slot.again = slot.phase !== "ready";
      return;
    }
    slot.phase = "ready";
    this.#ready.push(slot);
    this.#link.wake();
  }

  #send(link: Link, slot: Slot, payload: string | undefined): Outgoing {
    slot.phase = "sending";
    slot.again = false;
    return {
      topic: slot.topic,
      payload: payload ?? "",
      options: payload === undefined ? emptied : full,
      settle: (outcome) => {
        if (link !== this.#link || outcome.kind === "lost") return;
        if (outcome.kind === "refused") this.#refused(slot, outcome.code);
        else if (slot.kind !== "kept" && !slot.again && this.#slots.get(slot.topic) === slot)
          this.#slots.delete(slot.topic);
        slot.phase = "resting";
        this.#clock.after(outcome.kind === "refused" ? againAfterMs : restMs, () => {
          if (link !== this.#link) return;
          slot.phase = "idle";
          if (slot.again || outcome.kind === "refused") this.#makeReady(slot);
        });
      },
    };
  }

  #refused(slot: Slot, code: number): void {
    this.#telemetry.count("zhian_uplink_state_refused_total");
    this.#logger.warn({ topic: slot.topic, reason: describeCode(code) }, "a state topic is not taken");
  }
}
