import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AnswerQueue } from "./answers.ts";
import type { Commands } from "./commands.ts";
import type { Birth, Death, LaneName, LaneReport } from "./contract.ts";
import { Dispatcher } from "./dispatcher.ts";
import { contentType, type Origin, writeEvent } from "./envelope.ts";
import type { GapReporter } from "./gap-reporter.ts";
import type { Lane } from "./lane.ts";
import type { Link } from "./lane-run.ts";
import type { Conversation } from "./mqtt-uplink.ts";
import type { RangeReplays } from "./range-replays.ts";
import { describeCode } from "./reason-codes.ts";
import type { RetainedBoard } from "./retained-board.ts";
import type { StateTopics } from "./state-topics.ts";
import type { Topics } from "./topics.ts";
import type { Incoming, Outcome, Wire, WireEnd, WireOptions } from "./wire-types.ts";

/** How long the broker has for handing over what it retained of ours, ms. */
const reviewMs = 10_000;
const birthEveryMs = 3_600_000;

interface Parts {
  readonly site: { readonly id: Birth["site"]["id"]; readonly name?: string; readonly kind?: string };
  readonly version: string;
  readonly origin: Origin;
  readonly topics: Topics;
  readonly window: number;
  readonly alarmLane: Lane | undefined;
  readonly eventLane: Lane | undefined;
  readonly ranges: RangeReplays;
  readonly board: RetainedBoard;
  readonly states: StateTopics;
  readonly gaps: GapReporter;
  readonly answers: AnswerQueue;
  readonly commands: Commands;
  readonly reports: () => Partial<Record<LaneName, LaneReport>>;
  readonly chainHead: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is said to the city on one connection after another: birth, then everything at once, then goodbye. */
export class CityConversation implements Conversation {
  readonly #parts: Parts;
  readonly #startedAt: string;
  #connections = 0;
  #births = 0;
  #dispatcher: Dispatcher | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedAt = this.#now();
  }

  will(): WireOptions["will"] {
    this.#connections += 1;
    return { topic: this.#parts.topics.gateway, payload: this.#death("lost") };
  }

  async begin(wire: Wire): Promise<void> {
    const { alarmLane, eventLane, board, gaps, answers, ranges, states, topics, clock, logger, window } = this.#parts;
    const connectedAt = this.#now();
    const birth = (): string => this.#birth(wire, connectedAt);
    const said = await wire.publish(topics.gateway, birth(), { retain: true, contentType });
    if (said.kind === "lost") return;
    if (said.kind === "refused") logger.error({ reason: describeCode(said.code) }, "the city does not take our birth");

    const dispatcher = new Dispatcher({
      wire,
      window,
      clock,
      senders: {
        alarms: alarmLane === undefined ? [] : [alarmLane],
        control: [answers, board, gaps],
        bulk: eventLane === undefined ? [ranges] : [eventLane, ranges],
      },
    });
    this.#dispatcher = dispatcher;
    const link: Link = {
      wake: () => dispatcher.wake(),
      ...(wire.maximumPacketSize === undefined ? {} : { maximumPacketSize: wire.maximumPacketSize }),
    };
    for (const part of [alarmLane, eventLane, ranges, board, gaps, answers]) part?.attach(link);
    states.connected();
    dispatcher.wake();
    void wire.subscribe(topics.commands, false).then((outcome) => this.#subscribed("commands", outcome));
    this.#review(wire);
    this.#repeatBirth(dispatcher, birth);
  }

  receive(message: Incoming): void {
    const { topics, commands, states } = this.#parts;
    if (message.topic.startsWith(topics.commands.slice(0, -1))) commands.receive(message);
    else if (message.retained && message.payload.byteLength > 0) states.found(message.topic);
  }

  end(end: WireEnd): void {
    const { alarmLane, eventLane, ranges, board, gaps, answers } = this.#parts;
    this.#dispatcher?.stop();
    this.#dispatcher = undefined;
    alarmLane?.detach(end);
    eventLane?.detach(end);
    for (const part of [ranges, board, gaps, answers]) part.detach();
  }

  async goodbye(wire: Wire, withinMs: number): Promise<void> {
    const { topics, clock } = this.#parts;
    // What is under way may still be acknowledged; nothing new is sent.
    this.#dispatcher?.stop();
    const said = wire.publish(topics.gateway, this.#death("stopped"), { retain: true, contentType });
    await new Promise<void>((resolve) => {
      const cancel = clock.after(withinMs, resolve);
      void said.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Looks at what the broker still retains of ours: a device may have gone while we were not running. */
  #review(wire: Wire): void {
    const { topics, clock } = this.#parts;
    const filters = [topics.active("+"), topics.device("+"), topics.zone("+")];
    for (const filter of filters) {
      void wire.subscribe(filter, true).then((outcome) => {
        this.#subscribed("review", outcome);
        if (outcome.kind === "accepted") clock.after(reviewMs, () => wire.unsubscribe(filter));
      });
    }
  }

  #subscribed(what: "commands" | "review", outcome: Outcome): void {
    if (outcome.kind !== "refused") return;
    const { logger } = this.#parts;
    const reason = describeCode(outcome.code);
    if (what === "commands") logger.error({ reason }, "the city does not let us hear its commands");
    else logger.warn({ reason }, "the city does not let us see our own retained topics: stale ones may remain");
  }

  #repeatBirth(dispatcher: Dispatcher, birth: () => string): void {
    const { clock, board, topics } = this.#parts;
    clock.after(birthEveryMs, () => {
      if (dispatcher !== this.#dispatcher) return;
      board.once(topics.gateway, birth);
      this.#repeatBirth(dispatcher, birth);
    });
  }

  #birth(wire: Wire, connectedAt: string): string {
    const { site, version, reports, chainHead, clock } = this.#parts;
    this.#births += 1;
    const data: Birth = {
      state: "online",
      version,
      site: {
        id: site.id,
        ...(site.name === undefined ? {} : { name: site.name }),
        ...(site.kind === undefined ? {} : { kind: site.kind }),
      },
      startedAt: this.#startedAt,
      connectedAt,
      protocol: wire.version === 5 ? "5.0" : "3.1.1",
      lanes: reports(),
      alarmChainHead: chainHead(),
      clock: clock.quality(),
    };
    const id = `birth/${this.#startedAt}/${this.#births}`;
    return this.#write("zhian.gateway.birth", id, JSON.stringify(data));
  }

  /** A last will is written long before it is said: its time is that of its deposit. */
  #death(reason: Death["reason"]): string {
    const data: Death = { state: "offline", reason, version: this.#parts.version };
    const id = `death/${this.#startedAt}/${this.#connections}/${reason}`;
    return this.#write("zhian.gateway.death", id, JSON.stringify(data));
  }

  #write(type: string, id: string, data: string): string {
    const { origin, clock } = this.#parts;
    return writeEvent(origin, { type, id, data, clock: clock.quality().state, time: this.#now() });
  }

  #now(): string {
    return new Date(this.#parts.clock.wall()).toISOString();
  }
}
