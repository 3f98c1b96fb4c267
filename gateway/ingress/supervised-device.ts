import type { Device } from "../domain/device.ts";
import type { DeviceId, ObservationId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { DriverManifest, ModbusLine, SerialFeed } from "../ports/driver.ts";
import type { ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { DeviceEndpoint } from "./device-link.ts";
import type { HttpEndpoint } from "./http-link.ts";
import type { Liveness } from "./liveness.ts";
import type { Quarantine } from "./quarantine.ts";

/** A configured device with the driver that speaks to it. */
export interface SupervisedDevice {
  readonly device: Device;
  readonly manifest: DriverManifest;
  /** Parsed by the manifest's schema. */
  readonly options: unknown;
  /** Parsed by the manifest's profile schema. */
  readonly profile?: unknown;
}

/** What all runners share. */
export interface RunnerShared {
  readonly log: Pick<ObservationLog, "append">;
  readonly endpointOf: (deviceId: DeviceId) => DeviceEndpoint;
  /** Undefined where nothing listens for pushes. */
  readonly httpOf: (deviceId: DeviceId) => HttpEndpoint | undefined;
  readonly serialLines: (id: string) => ModbusLine;
  readonly serialFeeds?: (id: string) => SerialFeed;
  readonly modbusTcp?: (address: { readonly host: string; readonly port: number }) => ModbusLine;
  readonly timeZone: string;
  /** Where dialects keep keys and certificates of their own. */
  readonly dataDir?: string;
  readonly pseudonym: (personId: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly newId: () => ObservationId;
  readonly faultStands?: (deviceId: DeviceId, code: string) => boolean;
  readonly random: () => number;
  readonly liveness: Liveness;
  readonly quarantine: Quarantine;
  /** An edge that the gateway itself observes about the device. */
  readonly observeFault: (deviceId: DeviceId, code: string, active: boolean, detail?: string) => void;
}
