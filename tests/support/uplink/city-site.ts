import { gatewayIdSchema, siteIdSchema } from "../../../gateway/domain/ids.ts";
import { SystemClock } from "../../../gateway/ops/system-clock.ts";
import type { Clock } from "../../../gateway/ports/clock.ts";
import type { CommandRecord } from "../../../gateway/uplink/commands.ts";
import { laneCursors } from "../../../gateway/uplink/ledger.ts";
import type { UplinkOptions, UplinkState } from "../../../gateway/uplink/options.ts";
import { startUplink } from "../../../gateway/uplink/start-uplink.ts";
import { countingTelemetry, quietLogger } from "../quiet.ts";
import {
  MemoryCursors,
  MemoryDesk,
  MemoryDevices,
  MemoryGaps,
  MemoryLane,
  MemoryZones,
} from "./memory-city-sources.ts";

export const root = "zhian/v1/jinshuiwan/gw-01";

/** The gateway behind an uplink, in memory; it outlives the uplinks that are started on it, as a disk would. */
export class CitySite {
  readonly alarms: MemoryLane;
  readonly events: MemoryLane;
  readonly cursors = new MemoryCursors();
  readonly gaps = new MemoryGaps();
  readonly desk = new MemoryDesk();
  readonly devices = new MemoryDevices();
  readonly zones = new MemoryZones();
  readonly telemetry = countingTelemetry();
  readonly audited: CommandRecord[] = [];
  readonly states: UplinkState[] = [];
  readonly clock: Clock;

  constructor(parts: { clock?: Clock; alarms?: MemoryLane; events?: MemoryLane } = {}) {
    this.clock = parts.clock ?? new SystemClock();
    this.alarms = parts.alarms ?? new MemoryLane("alarms");
    this.events = parts.events ?? new MemoryLane("events");
  }

  options(urls: readonly string[], more: Partial<UplinkOptions> = {}): UplinkOptions {
    return {
      site: { id: siteIdSchema.parse("jinshuiwan"), name: "金水湾小区", kind: "community" },
      gatewayId: gatewayIdSchema.parse("gw-01"),
      version: "0.1.0",
      prefix: "zhian/v1",
      urls,
      lanes: [this.alarms, this.events],
      cursors: this.cursors,
      gaps: this.gaps,
      ledger: (lane) => this.gaps.ledger(lane === "alarms" ? this.alarms : this.events, this.cursor(lane)),
      alarms: this.desk,
      devices: this.devices,
      zones: this.zones,
      chainHead: () => "c0ffee",
      clock: this.clock,
      logger: quietLogger,
      telemetry: this.telemetry,
      random: () => 0,
      audit: (record) => this.audited.push(record),
      stateChanged: (state) => this.states.push(state),
      ...more,
    };
  }

  start(urls: readonly string[], more: Partial<UplinkOptions> = {}) {
    return startUplink(this.options(urls, more));
  }

  cursor(lane: "alarms" | "events"): number {
    return this.cursors.get(laneCursors[lane]);
  }
}
