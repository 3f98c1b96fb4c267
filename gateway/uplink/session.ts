import type { LaneSource } from "../ports/logs.ts";
import { AnswerQueue } from "./answers.ts";
import { commandHandlers, type ReplayableLane } from "./command-handlers.ts";
import { Commands } from "./commands.ts";
import type { LaneName, LaneReport } from "./contract.ts";
import { CityConversation } from "./conversation.ts";
import { laneWriter, type Origin } from "./envelope.ts";
import { GapReporter } from "./gap-reporter.ts";
import { Lane } from "./lane.ts";
import type { LaneAccount } from "./ledger.ts";
import { type ConnectionOptions, type ConnectionState, MqttUplink } from "./mqtt-uplink.ts";
import type { CityOptions, GatewayParts } from "./options.ts";
import { RangeReplays } from "./range-replays.ts";
import { RetainedBoard } from "./retained-board.ts";
import { StateTopics } from "./state-topics.ts";
import { topicsOf } from "./topics.ts";
import { openWire } from "./wire.ts";

const defaultWindow = 500;

export interface BookedLane {
  readonly source: LaneSource;
  readonly account: LaneAccount;
}

export type Reports = Readonly<Partial<Record<LaneName, LaneReport>>>;

/** Everything that belongs to one set of topics: the parts of the uplink, joined. */
export class Session {
  readonly #parts: GatewayParts;
  readonly #link: MqttUplink;
  readonly #states: StateTopics;
  readonly #lanes: readonly { readonly name: LaneName; readonly lane: Lane }[];
  readonly #unsubscribe: readonly (() => void)[];
  #city: CityOptions;

  constructor(
    parts: GatewayParts,
    city: CityOptions,
    booked: readonly BookedLane[],
    told: { readonly stateChanged: (state: ConnectionState) => void; readonly reports: () => Reports },
  ) {
    const { site, gatewayId, gaps, cursors, clock, logger, telemetry, random } = parts;
    const { prefix, responseTopics, window = defaultWindow } = city;
    this.#parts = parts;
    this.#city = city;
    const topics = topicsOf(prefix, site.id, gatewayId);
    const origin: Origin = { source: `/${topics.root}`, siteId: site.id, gatewayId };
    const board = new RetainedBoard(clock, logger, telemetry);
    const ranges = new RangeReplays(clock, logger, telemetry);
    const answers = new AnswerQueue();
    const reporter = new GapReporter({ gaps, cursors, clock, logger, origin, topic: topics.gaps });
    const states = new StateTopics({ ...parts, board, origin, topics });
    const { reports, stateChanged } = told;

    const replayable: ReplayableLane[] = booked.map(({ source, account }) => ({
      source,
      writer: laneWriter(origin, source.lane, source.epoch),
      topic: source.lane === "alarms" ? topics.alarms : topics.events,
      cursor: () => account.cursor,
    }));
    const laneOf = ({ source, account }: BookedLane, i: number): { name: LaneName; lane: Lane } => {
      const { writer, topic } = replayable[i] ?? { writer: laneWriter(origin, source.lane, source.epoch), topic: "" };
      const ofAlarms = source.lane === "alarms";
      const lane = new Lane({
        ...{ source, account, gaps, writer, topic, window, clock, random, logger, telemetry },
        ...(ofAlarms ? { activeTopic: topics.active } : {}),
        backlogRate: ofAlarms ? 0 : (city.backlogRate ?? 0),
        onGap: () => reporter.look(),
      });
      return { name: source.lane, lane };
    };
    this.#lanes = booked.map(laneOf);
    this.#states = states;
    this.#unsubscribe = booked.map(({ source }, i) => source.onAppended(() => this.#lanes[i]?.lane.appended()));

    const refresh = (): void => {
      states.reload();
      states.connected();
    };
    const handlers = commandHandlers({ ...parts, lanes: replayable, ranges, reports, refresh });
    const commands = new Commands({ ...parts, handlers, answers, topics, prefix, responseTopics, origin });
    const conversation = new CityConversation({
      ...{ ...parts, origin, topics, window, ranges, board, states, gaps: reporter, answers, commands, reports },
      alarmLane: this.#lanes.find(({ name }) => name === "alarms")?.lane,
      eventLane: this.#lanes.find(({ name }) => name === "events")?.lane,
    });
    this.#link = new MqttUplink(connectionOf(parts, city), {
      ...{ conversation, clock, random, logger, telemetry, stateChanged },
      openWire: parts.openWire ?? openWire,
    });
  }

  start(): void {
    this.#link.start();
  }

  get connection(): ConnectionState {
    return this.#link.state;
  }

  /** Throws what the log throws. */
  report(name: LaneName): LaneReport | undefined {
    return this.#lanes.find((lane) => lane.name === name)?.lane.report(this.#parts.clock.now());
  }

  /** Can these options be taken over without new topics and lanes? */
  fits({ urls, prefix, window, backlogRate, responseTopics }: CityOptions): boolean {
    const mine = this.#city;
    return (
      urls.length > 0 &&
      JSON.stringify([prefix, window, backlogRate, responseTopics]) ===
        JSON.stringify([mine.prefix, mine.window, mine.backlogRate, mine.responseTopics])
    );
  }

  /** For options that fit: a new connection where it is another one, and a look at the devices and zones. */
  async change(city: CityOptions): Promise<void> {
    const before = connectionOf(this.#parts, this.#city);
    const after = connectionOf(this.#parts, city);
    this.#city = city;
    this.#states.reload();
    if (JSON.stringify(before) !== JSON.stringify(after)) await this.#link.reconnect(after);
  }

  async stop(): Promise<void> {
    for (const end of this.#unsubscribe) end();
    this.#states.close();
    await this.#link.stop();
  }
}

function connectionOf({ site, gatewayId }: GatewayParts, city: CityOptions): ConnectionOptions {
  const { username, password, tls } = city.credentials ?? {};
  return {
    urls: city.urls,
    clientId: city.clientId ?? `${site.id}-${gatewayId}`,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    keepAliveSeconds: city.keepAliveSeconds ?? 30,
    connectTimeoutMs: city.connectTimeoutMs ?? 10_000,
    ackTimeoutMs: city.ackTimeoutMs ?? 15_000,
  };
}
