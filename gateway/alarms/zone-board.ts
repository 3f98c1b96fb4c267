import type { Alarm } from "../domain/alarm.ts";
import type { Device, DeviceState, Zone } from "../domain/device.ts";
import type { ZoneId } from "../domain/ids.ts";
import type { AlarmDesk, ZoneBoard, ZoneColour, ZoneState } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";

interface Source {
  readonly zones: readonly Zone[];
  readonly devices: readonly Device[];
  readonly states: readonly DeviceState[];
  readonly alarms: readonly Alarm[];
}

type Judgement = Omit<ZoneState, "since">;
const reasonsKept = 16;

/**
 * Red: a critical or major alarm is active there. Yellow: any other open alarm, or a device that is offline. Unknown: a
 * device was not heard yet, or there is none to watch it. Green: all is heard and nothing is open. What happens in a
 * zone colours the zones around it.
 */
export function judgeZone(zone: Zone, source: Source): Judgement {
  const inside = within(zone.id, source.zones);
  const there = source.alarms.filter((a) => inside.has(a.zoneId));
  // What a person put aside, or a maintenance window holds back, asks nobody for attention; that it is there is told.
  const alarms = there.filter((a) => a.hold === undefined);
  const held = there.length - alarms.length;
  const devices = source.devices.filter((d) => inside.has(d.zoneId));
  const ids = new Set(devices.map((d) => d.id));
  const states = source.states.filter((s) => ids.has(s.deviceId));
  const grave = alarms.filter((a) => a.active && (a.severity === "critical" || a.severity === "major"));
  const offline = states.filter((s) => s.online === "offline");
  const unheard = states.filter((s) => s.online === "unknown");
  const nameOf = new Map(devices.map((d) => [d.id, d.name]));
  const reasons = [
    ...[...grave, ...alarms.filter((a) => !grave.includes(a))].map((a) => a.explanation),
    ...offline.map((s) => said(nameOf.get(s.deviceId) ?? s.deviceId, "离线", "is offline")),
    ...unheard.map((s) => said(nameOf.get(s.deviceId) ?? s.deviceId, "尚无消息", "was not heard yet")),
    ...(held === 0
      ? []
      : [
          {
            zh: `${held}条警情已搁置或抑制`,
            en: `${held} alarm${held === 1 ? " is" : "s are"} put aside or held back`,
          },
        ]),
    ...(devices.length === 0 ? [{ zh: "没有设备监测该区域", en: "no device watches this zone" }] : []),
  ].slice(0, reasonsKept);
  return {
    zoneId: zone.id,
    colour: colourOf(grave.length, alarms.length + offline.length, unheard.length, devices.length),
    reasons,
  };
}

function colourOf(grave: number, lesser: number, unheard: number, devices: number): ZoneColour {
  if (grave > 0) return "red";
  if (lesser > 0) return "yellow";
  return unheard > 0 || devices === 0 ? "unknown" : "green";
}

function said(name: string, zh: string, en: string): { zh: string; en: string } {
  return { zh: `${name}${zh}`, en: `${name} ${en}` };
}

function within(id: ZoneId, zones: readonly Zone[]): ReadonlySet<ZoneId> {
  const inside = new Set([id]);
  for (let grown = true; grown; ) {
    const more = zones.filter((z) => z.parent !== undefined && inside.has(z.parent) && !inside.has(z.id));
    for (const zone of more) inside.add(zone.id);
    grown = more.length > 0;
  }
  return inside;
}

/** Keeps every zone's colour up to date with the alarms and devices, and tells when one changes. */
export function createZoneBoard(options: {
  zones: () => readonly Zone[];
  desk: AlarmDesk;
  devices: DeviceDirectory;
  clock: Clock;
}): ZoneBoard & { refresh(): void } {
  const { desk, devices, clock } = options;
  const current = new Map<ZoneId, ZoneState>();
  const listeners = new Set<(zone: ZoneState) => void>();
  let pending = false;

  function refresh(): void {
    pending = false;
    const zones = options.zones();
    const source = { zones, devices: devices.devices(), states: devices.states(), alarms: desk.open() };
    for (const id of current.keys()) if (!zones.some((z) => z.id === id)) current.delete(id);
    for (const zone of zones) {
      const judged = judgeZone(zone, source);
      const old = current.get(zone.id);
      const same = old !== undefined && JSON.stringify(old.reasons) === JSON.stringify(judged.reasons);
      if (same && old.colour === judged.colour) continue;
      const since = old?.colour === judged.colour ? old.since : clock.now();
      const state = { ...judged, since };
      current.set(zone.id, state);
      for (const listener of listeners) listener(state);
    }
  }

  /** A burst of changes is judged once. */
  function soon(): void {
    if (pending) return;
    pending = true;
    clock.after(200, refresh);
  }

  desk.onTransitions(soon);
  devices.onChanged(soon);
  refresh();
  return {
    zones: () => [...current.values()],
    onChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
  };
}
