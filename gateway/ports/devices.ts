import type { Device, DeviceState } from "../domain/device.ts";

/** A device that is not configured and tried to connect. */
export interface Stranger {
  readonly username: string;
  readonly clientId: string;
  readonly address: string;
  /** Epoch ms, wall clock. */
  readonly lastAt: number;
  readonly attempts: number;
}

/** The devices and how they are, for the console and the state topics. */
export interface DeviceDirectory {
  devices(): readonly Device[];
  states(): readonly DeviceState[];
  onChanged(listener: (state: DeviceState) => void): () => void;
  /** Newest first, bounded. */
  strangers(): readonly Stranger[];
}
