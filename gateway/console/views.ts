import { z } from "zod";
import { type Alarm, alarmSchema, bilingualSchema, type Severity, transitionSchema } from "../domain/alarm.ts";
import type { Zone } from "../domain/device.ts";
import { siteZoneId } from "../domain/ids.ts";
import type { AlarmDesk, ZoneBoard, ZoneState } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceCommands, DeviceDirectory } from "../ports/devices.ts";
import type { AlarmLog, LoggedTransition } from "../ports/logs.ts";
import type { HealthBoard, StorageView, UplinkView } from "../ports/status.ts";

/** What the console looks at. It changes alarms through the desk, tells devices what to do, and nothing else. */
export interface Watched {
  readonly desk: AlarmDesk;
  readonly alarmLog: Pick<AlarmLog, "epoch" | "head" | "read">;
  readonly devices: DeviceDirectory;
  readonly commands: DeviceCommands;
  readonly zones: ZoneBoard;
  /** The zones as the configuration names them. */
  readonly places: () => readonly Zone[];
  /** A rule's title for people; the rule's id is shown where there is none. */
  readonly ruleTitle: (rule: string) => { readonly zh: string; readonly en: string } | undefined;
  readonly site: { readonly id: string; readonly name: string; readonly timezone?: string };
  readonly uplink: () => UplinkView;
  readonly storage: () => StorageView;
  readonly health: HealthBoard;
  readonly clock: Clock;
  readonly version: string;
}

export const alarmViewSchema = alarmSchema.extend({
  /** Where: the zone's name with those above it. */
  place: z.string(),
  /** The name of the device that it is about; else the subject as it stands. */
  subjectName: z.string(),
  /** The rule's title. */
  title: bilingualSchema,
});
export type AlarmView = z.infer<typeof alarmViewSchema>;

/** Open alarms shown at once, the most urgent ones; `total` says how many there are. */
const mostAlarms = 500;

export const alarmsViewSchema = z.strictObject({
  epoch: z.string(),
  /** Alarm log sequence number that this state holds for. */
  seq: z.number().int(),
  total: z.number().int(),
  alarms: z.array(alarmViewSchema),
});

const countsSchema = z.strictObject({
  total: z.number().int(),
  online: z.number().int(),
  offline: z.number().int(),
  unknown: z.number().int(),
});

/** What is told with every beat of the live stream: how much is watched, and how well. */
export const statusViewSchema = z.strictObject({
  /** Log time, ISO 8601: the time by which ages are counted. */
  at: z.iso.datetime(),
  site: z.strictObject({ id: z.string(), name: z.string(), timezone: z.string().optional() }),
  version: z.string(),
  ready: z.boolean(),
  reasons: z.array(z.strictObject({ code: z.string(), zh: z.string(), en: z.string() })),
  devices: countsSchema,
  zones: z.strictObject({ red: z.int(), yellow: z.int(), green: z.int(), unknown: z.int() }),
  uplink: z.strictObject({
    state: z.enum(["up", "connecting", "down", "off"]),
    since: z.iso.datetime(),
    /** Messages that wait for the city. */
    pending: z.number().int(),
  }),
  clock: z.strictObject({ state: z.enum(["synchronised", "assumed", "unsynchronised"]), steppedMs: z.number() }),
});

export const liveTransitionSchema = z.strictObject({
  seq: z.number().int(),
  transition: transitionSchema,
  /** The alarm as it stands after the step. */
  alarm: alarmViewSchema,
});

const severityOrder: Record<Severity, number> = { critical: 0, major: 1, minor: 2, warning: 3 };

/** Most urgent first; of equal ones those that nobody has acknowledged, then the newest. */
export function byUrgency(a: Alarm, b: Alarm): number {
  return (
    severityOrder[a.severity] - severityOrder[b.severity] ||
    Number(a.acknowledged) - Number(b.acknowledged) ||
    a.priority - b.priority ||
    b.raisedAt.localeCompare(a.raisedAt)
  );
}

/** Turns alarms into what people read; looks names up once for many. */
export function alarmViewer(
  watched: Pick<Watched, "devices" | "places" | "ruleTitle" | "site">,
): (alarm: Alarm) => AlarmView {
  const places = placeNames(watched.places()).set(siteZoneId, watched.site.name);
  const names = new Map(watched.devices.devices().map((device) => [String(device.id), device.name]));
  return (alarm) => ({
    ...alarm,
    place: places.get(alarm.zoneId) ?? alarm.zoneId,
    subjectName: names.get(alarm.subject) ?? places.get(alarm.subject) ?? alarm.subject,
    title: watched.ruleTitle(alarm.rule) ?? { zh: alarm.rule, en: alarm.rule },
  });
}

export function alarmsView(watched: Watched): z.infer<typeof alarmsViewSchema> {
  const open = [...watched.desk.open()].sort(byUrgency);
  return {
    epoch: watched.alarmLog.epoch,
    seq: watched.alarmLog.head(),
    total: open.length,
    alarms: open.slice(0, mostAlarms).map(alarmViewer(watched)),
  };
}

export function transitionView(watched: Watched, logged: LoggedTransition): z.infer<typeof liveTransitionSchema> {
  return { seq: logged.seq, transition: logged.transition, alarm: alarmViewer(watched)(logged.alarm) };
}

export function statusView(watched: Watched): z.infer<typeof statusViewSchema> {
  const { ready, reasons, devices } = watched.health.ready();
  const uplink = watched.uplink();
  const { id, name, timezone } = watched.site;
  const zones = watched.zones.zones();
  const coloured = (colour: ZoneState["colour"]): number => zones.filter((zone) => zone.colour === colour).length;
  return {
    at: isoTime(watched.clock.now()),
    site: { id, name, ...(timezone === undefined ? {} : { timezone }) },
    version: watched.version,
    ready,
    reasons: [...reasons],
    devices,
    zones: { red: coloured("red"), yellow: coloured("yellow"), green: coloured("green"), unknown: coloured("unknown") },
    uplink: {
      state: uplink.state,
      since: isoTime(uplink.since),
      pending: uplink.lanes.reduce((sum, lane) => sum + lane.ledger.pending, 0),
    },
    clock: watched.clock.quality(),
  };
}

export function isoTime(ms: number): string;
export function isoTime(ms: number | undefined): string | undefined;
export function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** `3栋1单元` below `3栋` needs no prefix; `地下车库` below `3栋` does. */
function placeNames(zones: readonly Zone[]): Map<string, string> {
  const byId = new Map(zones.map((zone) => [String(zone.id), zone]));
  const nameOf = (zone: Zone, depth: number): string => {
    const parent = zone.parent === undefined || depth > 8 ? undefined : byId.get(zone.parent);
    if (parent === undefined) return zone.name;
    const above = nameOf(parent, depth + 1);
    return zone.name.startsWith(above) ? zone.name : `${above} ${zone.name}`;
  };
  return new Map(zones.map((zone) => [String(zone.id), nameOf(zone, 0)]));
}
