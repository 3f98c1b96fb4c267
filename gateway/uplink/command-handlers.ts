import type { Actor, Alarm } from "../domain/alarm.ts";
import { GatewayError } from "../domain/errors.ts";
import type { AlarmDesk, ZoneBoard } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";
import type { LaneSource } from "../ports/logs.ts";
import type { Handlers } from "./commands.ts";
import type { LaneName, LaneReport } from "./contract.ts";
import type { LaneWriter } from "./envelope.ts";
import { mostRanges, type RangeReplays } from "./range-replays.ts";

/** Open alarms in the answer to a snapshot, the most urgent first; all of them stand under `active/`. */
const mostAlarmsInAnswer = 100;

/** What a lane needs for sending a range of it again. */
export interface ReplayableLane {
  readonly source: LaneSource;
  readonly writer: LaneWriter;
  readonly topic: string;
  /** All up to here was sent. */
  cursor(): number;
}

interface Parts {
  readonly version: string;
  readonly alarms: AlarmDesk;
  readonly devices: DeviceDirectory;
  readonly zones: ZoneBoard;
  readonly lanes: readonly ReplayableLane[];
  readonly ranges: RangeReplays;
  readonly clock: Clock;
  readonly reports: () => Partial<Record<LaneName, LaneReport>>;
  /** Publishes the state topics anew. */
  readonly refresh: () => void;
}

export function commandHandlers(parts: Parts): Handlers {
  const { alarms, clock } = parts;
  return {
    acknowledge: ({ alarmId, by, comment }) => ({ alarm: summary(alarms.acknowledge(alarmId, city(by), comment)) }),
    close: ({ alarmId, by, disposition, comment }) => ({
      alarm: summary(alarms.close(alarmId, city(by), disposition, comment)),
    }),
    "replay-range": ({ lane, epoch, from, to }) => replayRange(parts, lane, epoch, from, to),
    snapshot: () => snapshot(parts),
    ping: () => ({ version: parts.version, at: new Date(clock.wall()).toISOString(), clock: clock.quality() }),
  };
}

function city(name: string): Actor {
  return { name, via: "city" };
}

function summary({ id, state, revision, updatedAt, acknowledgedBy, closedBy, disposition }: Alarm) {
  return { id, state, revision, updatedAt, acknowledgedBy, closedBy, disposition };
}

/**
 * What is past the lane's cursor comes by itself, in its order; what retention removed does not come. The answer names
 * what will be sent.
 */
function replayRange(parts: Parts, name: LaneName, epoch: string, from: number, to: number): Record<string, unknown> {
  const lane = parts.lanes.find(({ source }) => source.lane === name);
  if (lane === undefined || lane.source.epoch !== epoch) {
    const current = lane === undefined ? "no such lane" : `the lane is in epoch ${lane.source.epoch}`;
    throw new GatewayError("RANGE_UNKNOWN", `epoch ${epoch}: ${current}`);
  }
  if (from > to) throw new GatewayError("COMMAND_INVALID", `from ${from} is above to ${to}`);
  const first = lane.source.first();
  const head = lane.source.head();
  if (to < first || from > head) {
    throw new GatewayError("RANGE_UNKNOWN", `${from} to ${to}: the log has ${first} to ${head}`);
  }
  const start = Math.max(from, first);
  const end = Math.min(to, lane.cursor());
  const { source, writer, topic } = lane;
  if (start <= end && !parts.ranges.add({ source, writer, topic, from: start, to: end })) {
    throw new GatewayError("TOO_MANY_ATTEMPTS", `${mostRanges} ranges wait already; ask again in a minute`);
  }
  return {
    lane: name,
    epoch,
    ...(start <= end ? { from: start, to: end } : {}),
    ...(to > end ? { pendingFrom: Math.max(from, end + 1) } : {}),
  };
}

function snapshot(parts: Parts): Record<string, unknown> {
  parts.refresh();
  const open = [...parts.alarms.open()].sort((a, b) => a.priority - b.priority || (a.raisedAt < b.raisedAt ? 1 : -1));
  return {
    at: new Date(parts.clock.wall()).toISOString(),
    total: open.length,
    alarms: open.slice(0, mostAlarmsInAnswer),
    zones: parts.zones.zones().map(({ zoneId, colour }) => ({ zoneId, colour })),
    devices: parts.devices.states().map(({ deviceId, online }) => ({ deviceId, online })),
    lanes: parts.reports(),
  };
}
