import type { DeviceState } from "../domain/device.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { BodyOf, ObservationDraft } from "../domain/observation.ts";
import type { Clock } from "../ports/clock.ts";
import type { SignOfLife } from "../ports/driver.ts";
import type { Telemetry } from "../ports/telemetry.ts";

export type OfflineReason = BodyOf<"device.offline">["reason"];

/** A device without a connection is given this long to come back, ms. */
export const graceMs = 5000;
/** A device clock that moved by less is no news, ms. */
const skewStepMs = 1000;
/** Radio signals waver; a change by less is no news, dB. */
const signalStepDbm = 6;

export interface LivenessOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** A device came or went: the one observation that says so. Called in order. */
  readonly onEdge: (deviceId: DeviceId, draft: ObservationDraft) => void;
}

interface Watched {
  readonly deviceId: DeviceId;
  silentAfterMs: number;
  online: DeviceState["online"];
  /** Wall clock, ms. */
  since: number;
  lastSeen: number | undefined;
  reason: OfflineReason | undefined;
  firmware: string | undefined;
  clockSkewMs: number | undefined;
  announcedSkewMs: number | undefined;
  batteryPercent: number | undefined;
  signalDbm: number | undefined;
  announcedSignalDbm: number | undefined;
  /** Log time ms of the last sign, or of the begin of the watch. */
  heardAt: number;
  cancelSilence: () => void;
  cancelGrace: () => void;
}

/**
 * Whether each device is there. Silence is news: a device that was never heard, or no longer, becomes offline by the
 * monotonic clock alone, whatever the wall clock does.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #devices = new Map<DeviceId, Watched>();
  readonly #listeners = new Set<(state: DeviceState) => void>();

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Begins as unknown. For a device that is watched already only the bound of silence changes. */
  watch(deviceId: DeviceId, silentAfterMs: number): void {
    const { clock } = this.#options;
    const known = this.#devices.get(deviceId);
    const device: Watched = known ?? {
      deviceId,
      silentAfterMs,
      online: "unknown",
      since: clock.wall(),
      lastSeen: undefined,
      reason: undefined,
      firmware: undefined,
      clockSkewMs: undefined,
      announcedSkewMs: undefined,
      batteryPercent: undefined,
      signalDbm: undefined,
      announcedSignalDbm: undefined,
      heardAt: clock.now(),
      cancelSilence: () => {},
      cancelGrace: () => {},
    };
    device.silentAfterMs = silentAfterMs;
    this.#devices.set(deviceId, device);
    if (device.online !== "offline") this.#awaitSilence(device);
  }

  forget(deviceId: DeviceId): void {
    const device = this.#devices.get(deviceId);
    device?.cancelSilence();
    device?.cancelGrace();
    this.#devices.delete(deviceId);
  }

  /** A sign of life, with what it told. */
  heard(deviceId: DeviceId, details: SignOfLife = {}): void {
    const device = this.#devices.get(deviceId);
    if (device === undefined) return;
    const { clock } = this.#options;
    device.heardAt = clock.now();
    device.lastSeen = clock.wall();
    const learnt = this.#learn(device, details);
    if (device.online !== "online") {
      device.online = "online";
      device.reason = undefined;
      device.since = clock.wall();
      this.#awaitSilence(device);
      const body = device.firmware === undefined ? {} : { firmware: device.firmware };
      this.#edge(device, { kind: "device.online", body, occurredAtMs: device.since });
    } else if (learnt) this.#changed(device);
  }

  /** The device says or shows that it is gone. */
  gone(deviceId: DeviceId, reason: OfflineReason): void {
    const device = this.#devices.get(deviceId);
    if (device === undefined || device.online === "offline") return;
    device.cancelSilence();
    device.cancelGrace();
    device.online = "offline";
    device.reason = reason;
    device.since = this.#options.clock.wall();
    this.#edge(device, { kind: "device.offline", body: { reason }, occurredAtMs: device.since });
  }

  /** The device's connection came, or its last one ended. */
  connection(deviceId: DeviceId, connected: boolean): void {
    const device = this.#devices.get(deviceId);
    if (device === undefined) return;
    device.cancelGrace();
    if (connected || device.online !== "online") return;
    device.cancelGrace = this.#options.clock.after(graceMs, () => this.gone(deviceId, "disconnected"));
  }

  states(): readonly DeviceState[] {
    return [...this.#devices.values()].map(stateOf);
  }

  onChanged(listener: (state: DeviceState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    for (const deviceId of [...this.#devices.keys()]) this.forget(deviceId);
  }

  /** One timer a device: it looks when the last sign was, and sleeps again for what is left. */
  #awaitSilence(device: Watched): void {
    const { clock } = this.#options;
    device.cancelSilence();
    const left = device.heardAt + device.silentAfterMs - clock.now();
    device.cancelSilence = clock.after(Math.max(0, left), () => {
      if (clock.now() - device.heardAt < device.silentAfterMs) this.#awaitSilence(device);
      else this.gone(device.deviceId, device.online === "unknown" ? "never-seen" : "silent");
    });
  }

  #learn(device: Watched, { firmware, clockSkewMs, batteryPercent, signalDbm }: SignOfLife): boolean {
    let learnt = false;
    if (firmware !== undefined && firmware !== device.firmware) {
      device.firmware = firmware;
      learnt = true;
    }
    if (clockSkewMs !== undefined) {
      device.clockSkewMs = clockSkewMs;
      const labels = { device: device.deviceId };
      this.#options.telemetry.gauge("zhian_ingress_device_clock_skew_seconds", clockSkewMs / 1000, labels);
      if (moved(device.announcedSkewMs, clockSkewMs, skewStepMs)) {
        device.announcedSkewMs = clockSkewMs;
        learnt = true;
      }
    }
    if (batteryPercent !== undefined) {
      learnt ||= Math.round(batteryPercent) !== Math.round(device.batteryPercent ?? Number.NaN);
      device.batteryPercent = batteryPercent;
    }
    if (signalDbm !== undefined) {
      if (moved(device.announcedSignalDbm, signalDbm, signalStepDbm)) {
        device.announcedSignalDbm = signalDbm;
        learnt = true;
      }
      device.signalDbm = signalDbm;
    }
    return learnt;
  }

  #edge(device: Watched, draft: ObservationDraft): void {
    const up = device.online === "online" ? 1 : 0;
    this.#options.telemetry.gauge("zhian_ingress_device_online", up, { device: device.deviceId });
    this.#options.onEdge(device.deviceId, draft);
    this.#changed(device);
  }

  #changed(device: Watched): void {
    const state = stateOf(device);
    for (const listener of this.#listeners) listener(state);
  }
}

function moved(from: number | undefined, to: number, step: number): boolean {
  return from === undefined || Math.abs(to - from) >= step;
}

function stateOf(device: Watched): DeviceState {
  const { deviceId, online, since, lastSeen, reason, firmware, clockSkewMs, batteryPercent, signalDbm } = device;
  return {
    deviceId,
    online,
    since,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(reason === undefined ? {} : { reason }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
    ...(batteryPercent === undefined ? {} : { batteryPercent }),
    ...(signalDbm === undefined ? {} : { signalDbm }),
  };
}
