import { isDeepStrictEqual } from "node:util";
import type { Actor } from "../domain/alarm.ts";
import type { CommandOffer, CommandOutcome, DeviceCommand } from "../domain/command.ts";
import type { Device, DeviceHealth, DeviceState } from "../domain/device.ts";
import { GatewayError } from "../domain/errors.ts";
import type { DeviceId, ObservationId } from "../domain/ids.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceCommands, DeviceDirectory, Stranger } from "../ports/devices.ts";
import type { HttpGrants, ModbusLine, MqttGrants, SerialFeed } from "../ports/driver.ts";
import type { ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { Accounts, type Conservation } from "./accounts.ts";
import type { Broker } from "./broker.ts";
import { CommandDesk, type Commanded } from "./command-desk.ts";
import { DeviceRunner } from "./device-runner.ts";
import { EdgeWriter } from "./edge-writer.ts";
import type { Ingest } from "./ingest.ts";
import { Liveness } from "./liveness.ts";
import { Quarantine, type Quarantined } from "./quarantine.ts";
import type { RunnerShared, SupervisedDevice } from "./supervised-device.ts";

export interface SupervisorOptions {
  readonly devices: readonly SupervisedDevice[];
  readonly log: Pick<ObservationLog, "append">;
  readonly broker: Pick<Broker, "admit" | "deviceMqtt" | "strangers">;
  /** Where devices push over HTTP; without it such a device is refused. */
  readonly ingest?: Pick<Ingest, "check" | "admit" | "deviceHttp" | "strangers">;
  /** The open line of that id; called by sessions of dialects on a serial line. */
  readonly serialLines: (id: string) => ModbusLine;
  /** A line to which a device speaks by itself. */
  readonly serialFeeds?: (id: string) => SerialFeed;
  /** One connection for all devices behind an address. */
  readonly modbusTcp?: (address: { readonly host: string; readonly port: number }) => ModbusLine;
  /** IANA zone of the site. */
  readonly timeZone: string;
  /** Where dialects keep keys and certificates of their own. */
  readonly dataDir?: string;
  readonly pseudonym: (personId: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** A new UUID v7. */
  readonly newId: () => ObservationId;
  /**
   * Does an alarm stand for a fault of the device of this code? It may be from before this start, and then nobody else would say
   * that it is over.
   */
  readonly faultStands?: (deviceId: DeviceId, code: string) => boolean;
  /** In 0..1, for the jitter of the back-off. */
  readonly random?: () => number;
}

/** Opens and watches the session of every device, and knows how each of them is. */
export interface Supervisor extends DeviceDirectory, DeviceCommands {
  /** Where everything went that each device said. */
  conservation(): ReadonlyMap<DeviceId, Conservation>;
  /** The newest items of input that could not be used, newest first. */
  quarantine(): readonly Quarantined[];
  /**
   * From now on these devices. What did not change goes on untouched. Rejects with CONFIG_INVALID, and changes nothing,
   * where the devices' credentials contradict each other.
   */
  apply(devices: readonly SupervisedDevice[]): Promise<void>;
  /** Ends all sessions; resolves when they have ended or were given up. */
  close(): Promise<void>;
}

/** Throws CONFIG_INVALID where the devices' credentials contradict each other. */
export function startSupervisor(options: SupervisorOptions): Supervisor {
  return new DeviceSupervisor(options);
}

interface Supervised {
  readonly runner: DeviceRunner;
  readonly accounts: Accounts;
  /** By code, whether it was last reported as active. */
  readonly faults: Map<string, boolean>;
}

class DeviceSupervisor implements Supervisor {
  readonly #options: SupervisorOptions;
  readonly #shared: RunnerShared;
  readonly #edges: EdgeWriter;
  readonly #liveness: Liveness;
  readonly #quarantine: Quarantine;
  readonly #commands: CommandDesk;
  readonly #supervised = new Map<DeviceId, Supervised>();
  #applying: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: SupervisorOptions) {
    const { clock, logger, telemetry, log, broker, ingest, random = Math.random } = options;
    this.#options = options;
    this.#edges = new EdgeWriter({ log, clock, logger, telemetry, random });
    this.#quarantine = new Quarantine({ clock, logger });
    this.#liveness = new Liveness({ clock, telemetry, onEdge: (deviceId, draft) => this.#edge(deviceId, draft) });
    this.#shared = {
      ...options,
      random,
      liveness: this.#liveness,
      quarantine: this.#quarantine,
      endpointOf: (deviceId) => broker.deviceMqtt(deviceId),
      httpOf: (deviceId) => ingest?.deviceHttp(deviceId),
      observeFault: (deviceId, code, active, detail) => this.#fault(deviceId, code, active, detail),
    };
    this.#commands = new CommandDesk({ clock, logger, telemetry, deviceOf: (deviceId) => this.#commanded(deviceId) });
    this.#admit(options.devices);
    for (const device of options.devices) this.#start(device);
  }

  devices(): readonly Device[] {
    return [...this.#supervised.values()].map(({ runner }) => runner.supervised.device);
  }

  states(): readonly DeviceState[] {
    return this.#liveness.states();
  }

  onChanged(listener: (state: DeviceState) => void): () => void {
    return this.#liveness.onChanged(listener);
  }

  strangers(): readonly Stranger[] {
    const { broker, ingest } = this.#options;
    return [...broker.strangers(), ...(ingest?.strangers() ?? [])].sort((a, b) => b.lastAt - a.lastAt);
  }

  offers(deviceId: DeviceId): readonly CommandOffer[] {
    return this.#commands.offers(deviceId);
  }

  command(deviceId: DeviceId, command: DeviceCommand, by: Actor): Promise<CommandOutcome> {
    return this.#commands.command(deviceId, command, by);
  }

  health(): readonly DeviceHealth[] {
    return [...this.#supervised.values()].map(({ accounts }) => accounts.health());
  }

  conservation(): ReadonlyMap<DeviceId, Conservation> {
    return new Map([...this.#supervised].map(([deviceId, { accounts }]) => [deviceId, accounts.conservation()]));
  }

  quarantine(): readonly Quarantined[] {
    return this.#quarantine.newest();
  }

  apply(devices: readonly SupervisedDevice[]): Promise<void> {
    const applied = this.#applying.then(() => this.#apply(devices));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#applying;
    this.#liveness.stop();
    await Promise.all([...this.#supervised.values()].map(({ runner }) => runner.stop()));
    this.#edges.close();
  }

  /** All of them or none. */
  #admit(devices: readonly SupervisedDevice[]): void {
    const { broker, ingest } = this.#options;
    const pushing = pushGrantsOf(devices);
    const [first] = pushing.keys();
    if (first !== undefined && ingest === undefined) {
      const what = "it pushes over HTTP, and nothing listens for that: set `ingest: { listen: … }` and start anew";
      throw new GatewayError("CONFIG_INVALID", `${first}: ${what}`);
    }
    ingest?.check(pushing);
    broker.admit(grantsOf(devices));
    ingest?.admit(pushing);
  }

  #commanded(deviceId: DeviceId): Commanded | undefined {
    const runner = this.#supervised.get(deviceId)?.runner;
    if (runner === undefined) return undefined;
    const { manifest, options, profile } = runner.supervised;
    return { offers: () => manifest.commands?.(options, profile) ?? [], session: () => runner.session };
  }

  async #apply(devices: readonly SupervisedDevice[]): Promise<void> {
    if (this.#closed) return;
    // First, since it is what can be refused.
    this.#admit(devices);
    const wanted = new Map(devices.map((supervised) => [supervised.device.id, supervised]));
    const leaving = [...this.#supervised].filter(
      ([deviceId, { runner }]) => !same(runner.supervised, wanted.get(deviceId)),
    );
    await Promise.all(leaving.map(([, { runner }]) => runner.stop()));
    for (const [deviceId] of leaving) {
      if (wanted.has(deviceId)) continue;
      this.#supervised.delete(deviceId);
      this.#liveness.forget(deviceId);
    }
    const left = new Set(leaving.map(([deviceId]) => deviceId));
    for (const [deviceId, supervised] of wanted) {
      if (left.has(deviceId) || !this.#supervised.has(deviceId)) this.#start(supervised);
    }
  }

  #start(supervised: SupervisedDevice): void {
    const { device, manifest, options } = supervised;
    const known = this.#supervised.get(device.id);
    const accounts = known?.accounts ?? new Accounts(device.id, this.#options.telemetry, this.#options.clock);
    const runner = new DeviceRunner(supervised, accounts, this.#shared);
    this.#supervised.set(device.id, { runner, accounts, faults: known?.faults ?? new Map() });
    this.#liveness.watch(device.id, manifest.silentAfterMs(options));
    runner.start();
  }

  #edge(deviceId: DeviceId, draft: ObservationDraft): void {
    const device = this.#supervised.get(deviceId)?.runner.supervised.device;
    if (device === undefined) return;
    const { zoneId, dialect } = device;
    this.#edges.write({ id: this.#options.newId(), deviceId, zoneId, dialect, draft });
  }

  /** One observation each time it begins or ends; what is told again is no news. */
  #fault(deviceId: DeviceId, code: string, active: boolean, detail?: string): void {
    const faults = this.#supervised.get(deviceId)?.faults;
    if (faults === undefined) return;
    const known = faults.get(code);
    const stands = () => this.#options.faultStands?.(deviceId, code) ?? false;
    faults.set(code, active);
    // The end of one that somebody else told is asked for, its begin only where nothing was told since the start.
    if ((active ? (known ?? stands()) : known === true || stands()) === active) return;
    const body = detail === undefined ? { code, active } : { code, active, detail };
    this.#edge(deviceId, { kind: "device.fault", body, occurredAtMs: this.#options.clock.wall() });
  }
}

function grantsOf(devices: readonly SupervisedDevice[]): ReadonlyMap<DeviceId, MqttGrants> {
  const grants = new Map<DeviceId, MqttGrants>();
  for (const { device, manifest, options } of devices) {
    const granted = manifest.mqtt?.(options);
    if (granted !== undefined) grants.set(device.id, granted);
  }
  return grants;
}

function pushGrantsOf(devices: readonly SupervisedDevice[]): ReadonlyMap<DeviceId, HttpGrants> {
  const grants = new Map<DeviceId, HttpGrants>();
  for (const { device, manifest, options } of devices) {
    const granted = manifest.http?.(options, device.id);
    if (granted !== undefined) grants.set(device.id, granted);
  }
  return grants;
}

function same(a: SupervisedDevice, b: SupervisedDevice | undefined): boolean {
  return (
    b !== undefined &&
    a.manifest === b.manifest &&
    isDeepStrictEqual(a.device, b.device) &&
    isDeepStrictEqual(a.options, b.options) &&
    isDeepStrictEqual(a.profile, b.profile)
  );
}
