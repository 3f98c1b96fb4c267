import type { DeviceId, ZoneId } from "./ids.ts";

/** A device as the configuration names it. */
export interface Device {
  readonly id: DeviceId;
  readonly name: string;
  readonly driver: string;
  readonly dialect: string;
  readonly zoneId: ZoneId;
  /** What the site calls it beside its family: `exit` for a door on an escape route. */
  readonly tags?: readonly string[];
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
  /** 0–100, where the device reports it. */
  readonly batteryPercent?: number;
  /** Received signal strength, dBm, where the device reports it. */
  readonly signalDbm?: number;
}

/** How a device's link has been, for the one who looks after it. */
export interface DeviceHealth {
  readonly deviceId: DeviceId;
  /** Messages or polls taken in since the start. */
  readonly received: number;
  /** Of these, such as could not be used. */
  readonly rejected: number;
  /** Over the last minutes; 0 where nothing came. */
  readonly perMinute: number;
  /** Newest reason of a rejection. */
  readonly lastRejection?: { readonly reason: string; readonly detail: string; readonly at: number };
}

/** A zone of the site: a building, an entrance, a yard. */
export interface Zone {
  readonly id: ZoneId;
  readonly name: string;
  readonly parent?: ZoneId;
  /** Zones that a fire or a person can get to from here; it holds both ways. */
  readonly neighbours?: readonly ZoneId[];
}
