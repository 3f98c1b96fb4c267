import type { Alarm } from "../domain/alarm.ts";
import type { DeviceState } from "../domain/device.ts";
import { alarmIdSchema } from "../domain/ids.ts";
import type { AlarmDesk, ZoneBoard, ZoneState } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";
import type { DeviceStateData, ZoneStateData } from "./contract.ts";
import { type Origin, writeEvent } from "./envelope.ts";
import type { RetainedBoard } from "./retained-board.ts";
import type { Topics } from "./topics.ts";

/** A device that only says "still there" is published anew so often at most, ms. */
const lastSeenEveryMs = 300_000;
/** A device clock further off than this is worth a word, ms. */
const skewBoundMs = 60_000;
const skewStepMs = 10_000;

const iso = (ms: number): string => new Date(ms).toISOString();

interface Parts {
  readonly board: RetainedBoard;
  readonly devices: DeviceDirectory;
  readonly zones: ZoneBoard;
  readonly alarms: AlarmDesk;
  readonly clock: Clock;
  readonly origin: Origin;
  readonly topics: Topics;
}

/** Keeps `devices/…`, `zones/…` and, after a connect, `active/…` at the broker equal to what is known here. */
export class StateTopics {
  readonly #parts: Parts;
  /** By device: what was last worth a message, and when. */
  readonly #devices = new Map<string, { state: DeviceState; key: string; at: number }>();
  readonly #zones = new Map<string, ZoneState>();
  readonly #unsubscribe: readonly (() => void)[];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.reload();
    this.#unsubscribe = [
      parts.devices.onChanged((state) => this.#deviceChanged(state)),
      parts.zones.onChanged((zone) => this.#zoneChanged(zone)),
    ];
  }

  close(): void {
    for (const end of this.#unsubscribe) end();
  }

  /** After a change of the configuration: what is new is published, what is gone is emptied. */
  reload(): void {
    const { board, devices, zones, topics } = this.#parts;
    const states = devices.states();
    const known = new Set([...states.map((s) => s.deviceId), ...devices.devices().map((d) => d.id)].map(String));
    for (const id of [...this.#devices.keys()]) {
      if (known.has(id)) continue;
      this.#devices.delete(id);
      board.remove(topics.device(id));
    }
    for (const state of states) this.#deviceChanged(state, true);
    const current = zones.zones();
    for (const id of [...this.#zones.keys()]) {
      if (current.some((zone) => zone.zoneId === id)) continue;
      this.#zones.delete(id);
      board.remove(topics.zone(id));
    }
    for (const zone of current) this.#zoneChanged(zone);
  }

  /** The broker may have lost the open alarms: each is published once more, as it stands when its turn comes. */
  connected(): void {
    const { alarms, board, topics } = this.#parts;
    for (const { id } of alarms.open()) board.once(topics.active(id), () => this.#alarmState(alarms.get(id)));
  }

  /** A retained message of ours that the broker still has: emptied where nothing here stands behind it. */
  found(topic: string): void {
    const { topics, board, alarms } = this.#parts;
    if (!topic.startsWith(`${topics.root}/`)) return;
    const [kind, id, ...rest] = topic.slice(topics.root.length + 1).split("/");
    if (id === undefined || rest.length > 0) return;
    if (kind === "active") {
      const alarmId = alarmIdSchema.safeParse(id);
      board.once(topic, () => this.#alarmState(alarmId.success ? alarms.get(alarmId.data) : undefined));
    } else if ((kind === "devices" || kind === "zones") && !board.has(topic)) board.remove(topic);
  }

  #deviceChanged(state: DeviceState, always = false): void {
    const { board, clock, topics } = this.#parts;
    const key = [state.online, state.since, state.reason, state.firmware, roughly(state.clockSkewMs)].join("\n");
    const last = this.#devices.get(state.deviceId);
    const quiet = last !== undefined && last.key === key && clock.now() - last.at < lastSeenEveryMs;
    this.#devices.set(state.deviceId, { state, key, at: quiet ? last.at : clock.now() });
    if (quiet && !always) return;
    board.keep(topics.device(state.deviceId), () => this.#deviceState(state.deviceId));
  }

  #zoneChanged(zone: ZoneState): void {
    this.#zones.set(zone.zoneId, zone);
    this.#parts.board.keep(this.#parts.topics.zone(zone.zoneId), () => this.#zoneState(zone.zoneId));
  }

  #deviceState(id: string): string | undefined {
    const state = this.#devices.get(id)?.state;
    if (state === undefined) return undefined;
    const device = this.#parts.devices.devices().find((d) => d.id === id);
    const { lastSeen, reason, firmware, clockSkewMs } = state;
    const data: DeviceStateData = {
      deviceId: state.deviceId,
      ...(device === undefined
        ? {}
        : { name: device.name, driver: device.driver, dialect: device.dialect, zoneId: device.zoneId }),
      online: state.online,
      since: iso(state.since),
      health: healthOf(state),
      ...(lastSeen === undefined ? {} : { lastSeen: iso(lastSeen) }),
      ...(reason === undefined ? {} : { reason }),
      ...(firmware === undefined ? {} : { firmware }),
      ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
    };
    return this.#write("zhian.device.state", id, data);
  }

  #zoneState(id: string): string | undefined {
    const zone = this.#zones.get(id);
    if (zone === undefined) return undefined;
    const { zoneId, colour, since, reasons } = zone;
    const data: ZoneStateData = { zoneId, colour, since: iso(since), reasons: [...reasons] };
    return this.#write("zhian.zone.state", id, data);
  }

  #alarmState(alarm: Alarm | undefined): string | undefined {
    if (alarm === undefined || alarm.state === "closed") return undefined;
    const { clock, origin } = this.#parts;
    return writeEvent(origin, {
      type: "zhian.alarm.state",
      id: `${alarm.id}/${alarm.revision}/active`,
      subject: alarm.id,
      time: alarm.updatedAt,
      clock: clock.quality().state,
      data: JSON.stringify(alarm),
    });
  }

  #write(type: string, subject: string, data: object): string {
    const { clock, origin } = this.#parts;
    const time = iso(clock.wall());
    return writeEvent(origin, {
      type,
      id: `${type}/${subject}/${time}`,
      subject,
      time,
      clock: clock.quality().state,
      data: JSON.stringify(data),
    });
  }
}

function roughly(skewMs: number | undefined): number | undefined {
  return skewMs === undefined ? undefined : Math.round(skewMs / skewStepMs);
}

function healthOf(state: DeviceState): DeviceStateData["health"] {
  switch (state.online) {
    case "unknown":
      return "unknown";
    case "offline":
      return "bad";
    case "online":
      return Math.abs(state.clockSkewMs ?? 0) > skewBoundMs ? "degraded" : "good";
  }
}
