import type { GatewayId, SiteId } from "../domain/ids.ts";
import type { AlarmDesk, ZoneBoard } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";
import type { Cursors, Gaps, LaneSource, Ledger } from "../ports/logs.ts";
import type { UplinkView } from "../ports/status.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { CommandRecord } from "./commands.ts";
import type { LaneName } from "./contract.ts";
import type { OpenWire, TlsFiles } from "./wire-types.ts";

/** How to reach the city; may change while the gateway runs. */
export interface CityOptions {
  /** mqtt:, mqtts:, ws: or wss:, in the order of preference. None: a gateway without a city. */
  readonly urls: readonly string[];
  /** First levels of every topic. */
  readonly prefix: string;
  readonly credentials?: {
    readonly username?: string | undefined;
    readonly password?: string | undefined;
    readonly tls?: TlsFiles | undefined;
  };
  /** MQTT client id: `{siteId}-{gatewayId}` unless given. */
  readonly clientId?: string;
  /** Messages under way, at most, 500 unless given; the broker's Receive Maximum wins. */
  readonly window?: number;
  /** Events a second that are older than the connection; 0, the default, sets no limit. */
  readonly backlogRate?: number;
  /** 15 s unless given. */
  readonly ackTimeoutMs?: number;
  /** 30 s unless given. */
  readonly keepAliveSeconds?: number;
  /** 10 s unless given. */
  readonly connectTimeoutMs?: number;
  /** Answers go only to response topics that begin with one of these; absent: to any that the contract does not use. */
  readonly responseTopics?: readonly string[];
}

/** The rest of the gateway, as the uplink sees it. */
export interface GatewayParts {
  readonly site: { readonly id: SiteId; readonly name?: string; readonly kind?: string };
  readonly gatewayId: GatewayId;
  readonly version: string;
  readonly lanes: readonly LaneSource[];
  readonly cursors: Cursors;
  readonly gaps: Gaps;
  /** What became of the messages of a lane, as the log keeps it. */
  readonly ledger: (lane: LaneName) => Ledger;
  readonly alarms: AlarmDesk;
  readonly devices: DeviceDirectory;
  readonly zones: ZoneBoard;
  /** Head of the hash chain over the alarm log. */
  readonly chainHead: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
  /** Called for every command of the city. */
  readonly audit: (record: CommandRecord) => void;
  readonly stateChanged?: (state: UplinkState) => void;
  /** Another wire than MQTT.js, for the tests of faults. */
  readonly openWire?: OpenWire;
}

export interface UplinkOptions extends GatewayParts, CityOptions {}

export interface UplinkState extends UplinkView {
  /** For an operator, without secrets: why it is not up. */
  readonly reason?: string;
  /** Without credentials. */
  readonly url?: string;
  readonly protocol?: "5.0" | "3.1.1";
}
