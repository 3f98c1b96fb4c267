import type { Outgoing } from "../../../gateway/uplink/dispatcher.ts";
import { laneWriter } from "../../../gateway/uplink/envelope.ts";
import { Lane, type LaneOptions } from "../../../gateway/uplink/lane.ts";
import { LaneAccount, laneCursors } from "../../../gateway/uplink/ledger.ts";
import { topicsOf } from "../../../gateway/uplink/topics.ts";
import type { Outcome, WireEnd } from "../../../gateway/uplink/wire-types.ts";
import { ManualClock } from "../manual-clock.ts";
import { countingTelemetry, quietLogger } from "../quiet.ts";
import { MemoryCursors, MemoryGaps, type MemoryLane } from "./memory-city-sources.ts";

export const topics = topicsOf("zhian/v1", "jinshuiwan", "gw-01");
const origin = { source: `/${topics.root}`, siteId: "jinshuiwan", gatewayId: "gw-01" };
export const accepted: Outcome = { kind: "accepted", heard: true };
export const refused = (code: number): Outcome => ({ kind: "refused", code });
export const closed: WireEnd = { kind: "closed", detail: "cut" };

export interface Sent {
  readonly topic: string;
  readonly payload: string;
  readonly sequence: number;
  readonly replayed: boolean;
  settle(outcome: Outcome): void;
}

/** One lane on a log in memory, with the test as broker. */
export class LaneBench {
  readonly clock = new ManualClock(Date.parse("2026-11-24T00:10:00.000Z"));
  readonly cursors = new MemoryCursors();
  readonly gaps = new MemoryGaps();
  readonly telemetry = countingTelemetry();
  readonly source: MemoryLane;
  readonly lane: Lane;
  readonly sent: Sent[] = [];
  gapsMet = 0;
  woken = 0;

  constructor(source: MemoryLane, more: Partial<LaneOptions> = {}) {
    this.source = source;
    const alarms = source.lane === "alarms";
    this.lane = new Lane({
      source,
      account: new LaneAccount(source, this.cursors, () => this.gaps.ledger(source, this.cursor), this.clock),
      gaps: this.gaps,
      writer: laneWriter(origin, source.lane, source.epoch),
      topic: alarms ? topics.alarms : topics.events,
      ...(alarms ? { activeTopic: topics.active } : {}),
      ...{ window: 50, backlogRate: 0, clock: this.clock, random: () => 0, logger: quietLogger },
      telemetry: this.telemetry,
      onGap: () => {
        this.gapsMet += 1;
      },
      ...more,
    });
    source.onAppended(() => this.lane.appended());
  }

  get cursor(): number {
    return this.cursors.get(laneCursors[this.source.lane]);
  }

  connect(maximumPacketSize?: number): this {
    const size = maximumPacketSize === undefined ? {} : { maximumPacketSize };
    this.lane.attach({ ...size, wake: () => (this.woken += 1) });
    return this;
  }

  /** Takes all that the lane gives now, at most `most`. */
  pull(most = 1_000): Sent[] {
    const pulled: Sent[] = [];
    while (pulled.length < most) {
      const outgoing: Outgoing | undefined = this.lane.next();
      if (outgoing === undefined) break;
      const { sequence, replayed } = outgoing.payload === "" ? {} : JSON.parse(outgoing.payload);
      const { topic, payload } = outgoing;
      const settle = (outcome: Outcome): void => outgoing.settle(outcome);
      pulled.push({ topic, payload, sequence: Number(sequence), replayed: replayed === true, settle });
    }
    this.sent.push(...pulled);
    return pulled;
  }
}

export const numbers = (sent: readonly Sent[]): number[] => sent.map((s) => s.sequence);
export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
