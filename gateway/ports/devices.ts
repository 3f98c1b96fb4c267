import type { Actor } from "../domain/alarm.ts";
import type { CommandOffer, CommandOutcome, DeviceCommand } from "../domain/command.ts";
import type { Device, DeviceHealth, DeviceState } from "../domain/device.ts";
import type { DeviceId } from "../domain/ids.ts";

/** A device that is not configured and tried to connect. It is listed for the installer and never let in by itself. */
export interface Stranger {
  /** Where it knocked. */
  readonly via: "mqtt" | "http" | "serial";
  /** The user name that it gave; empty where it gave none. */
  readonly username: string;
  /** Its MQTT client id, the path that it asked for, or the unit number on its line. */
  readonly clientId: string;
  /** Network address, or the serial line. */
  readonly address: string;
  /** Epoch ms, wall clock. */
  readonly lastAt: number;
  readonly attempts: number;
  /** YAML for the `devices` of the configuration, as far as it can be told from what was heard; blanks are marked. */
  readonly snippet: string;
}

/** The devices and how they are, for the console and the state topics. */
export interface DeviceDirectory {
  devices(): readonly Device[];
  states(): readonly DeviceState[];
  onChanged(listener: (state: DeviceState) => void): () => void;
  /** Newest first, bounded. */
  strangers(): readonly Stranger[];
  health(): readonly DeviceHealth[];
}

/** Where people and rules tell devices to do something. */
export interface DeviceCommands {
  /** What the device offers as configured; none where it is not known. */
  offers(deviceId: DeviceId): readonly CommandOffer[];
  /** Resolves with what became of it, at the latest after the driver's own time-out. Never rejects. */
  command(deviceId: DeviceId, command: DeviceCommand, by: Actor): Promise<CommandOutcome>;
}
