import type { DeviceId, ZoneId } from "./ids.ts";

/** A device as the configuration names it. */
export interface Device {
  readonly id: DeviceId;
  readonly name: string;
  readonly driver: string;
  readonly dialect: string;
  readonly zoneId: ZoneId;
}

/** What is known of a device now. `unknown` until it was heard for the first time since the start. */
export interface DeviceState {
  readonly deviceId: DeviceId;
  readonly online: "online" | "offline" | "unknown";
  /** Epoch ms, wall clock. */
  readonly since: number;
  readonly lastSeen?: number;
  readonly reason?: string;
  readonly firmware?: string;
  /** Device clock minus ours, ms, from the newest live record. */
  readonly clockSkewMs?: number;
}

/** A zone of the site: a building, an entrance, a yard. */
export interface Zone {
  readonly id: ZoneId;
  readonly name: string;
  readonly parent?: ZoneId;
}
