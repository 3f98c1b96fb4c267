import { type Alarm, priorityOf, type Tier } from "../../../gateway/domain/alarm.ts";
import type { Device, DeviceState } from "../../../gateway/domain/device.ts";
import { GatewayError } from "../../../gateway/domain/errors.ts";
import { type AlarmId, alarmIdSchema, deviceIdSchema, epochSchema, zoneIdSchema } from "../../../gateway/domain/ids.ts";
import type { AlarmDesk, ZoneBoard, ZoneState } from "../../../gateway/ports/alarms.ts";
import type { DeviceDirectory } from "../../../gateway/ports/devices.ts";
import type { Cursors, Gap, Gaps, LaneEntry, LaneSource, Ledger } from "../../../gateway/ports/logs.ts";

/** In-memory stand-ins of what the uplink reads from. */
type LaneName = LaneSource["lane"];

const at0 = Date.parse("2026-11-24T00:00:00.000Z");
const iso = (ms: number): string => new Date(ms).toISOString();

/** Entries are made when they are read, so that a long backlog takes no memory. Removed numbers are holes. */
export class MemoryLane implements LaneSource {
  readonly epoch = epochSchema.parse("e-1");
  readonly lane: LaneName;
  /** Most entries that were asked for at once. */
  mostRead = 0;
  readonly #make: (seq: number) => LaneEntry;
  readonly #removed = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #head = 0;
  #fails: Error | undefined;

  constructor(lane: LaneName, make: (seq: number) => LaneEntry = lane === "alarms" ? alarmEntry : eventEntry) {
    this.lane = lane;
    this.#make = make;
  }

  append(count = 1): void {
    this.#head += count;
    for (const listener of this.#listeners) listener();
  }

  remove(from: number, to: number): void {
    for (let seq = from; seq <= to; seq++) this.#removed.add(seq);
  }

  failReads(error: Error | undefined): void {
    this.#fails = error;
  }

  head(): number {
    return this.#head;
  }

  first(): number {
    let seq = 1;
    while (this.#removed.has(seq)) seq += 1;
    return seq;
  }

  read(after: number, limit: number): readonly LaneEntry[] {
    if (this.#fails !== undefined) throw this.#fails;
    this.mostRead = Math.max(this.mostRead, limit);
    const entries: LaneEntry[] = [];
    for (let seq = after + 1; seq <= this.#head && entries.length < limit; seq++) {
      if (!this.#removed.has(seq)) entries.push(this.#make(seq));
    }
    return entries;
  }

  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const devicesInTraffic = 20;

/** A thermal reading of one of twenty devices in turn. */
export function eventEntry(seq: number): LaneEntry {
  const subject = `ext-${seq % devicesInTraffic}`;
  const time = iso(at0 + seq);
  const data = {
    id: `o-${seq}`,
    seq,
    siteId: "jinshuiwan",
    deviceId: subject,
    zoneId: "b3-u1",
    kind: "thermal.reading",
    occurredAt: time,
    receivedAt: time,
    dialect: "modbus-rtu",
    body: { temperatureC: 21.5 + (seq % 10) / 10, pressureMpa: 1.2 },
  };
  return {
    ...{ seq, id: `o-${seq}`, type: "zhian.observation", time, subject, at: at0 + seq },
    ...{ data: JSON.stringify(data), clock: "synchronised" as const },
  };
}

export function alarmOf(number: number, revision: number, change: Partial<Alarm> = {}): Alarm {
  const id = alarmIdSchema.parse(`alarm-${String(number).padStart(6, "0")}`);
  const time = iso(at0 + number * 1000);
  return {
    id,
    rule: "fire",
    subject: "ext-1",
    zoneId: zoneIdSchema.parse("b3-u1"),
    severity: "critical",
    certainty: "likely",
    priority: priorityOf("critical", "likely"),
    state: "active-unacknowledged",
    active: true,
    acknowledged: false,
    latched: true,
    raisedAt: time,
    updatedAt: time,
    count: 1,
    revision,
    causes: [],
    evidence: [],
    explanation: { zh: "3栋1单元温度过高", en: "too hot in building 3" },
    ...change,
  };
}

/** One step of an alarm as the alarm lane has it; `newest`: with the state that is retained. */
export function stepEntry(seq: number, alarm: Alarm, newest = true): LaneEntry {
  const { id, rule, subject, zoneId, severity, certainty, priority, state, raisedAt, count, revision } = alarm;
  const step = alarm.state === "closed" ? "closed" : revision === 1 ? "raised" : "updated";
  const transition = {
    ...{ id: `${id}/${revision}`, alarmId: id, step, at: alarm.updatedAt, rule, subject, zoneId, severity, certainty },
    ...{ priority, state, raisedAt, count, revision, causes: [], evidence: [], explanation: alarm.explanation },
  };
  const open = alarm.state === "closed" ? {} : { alarm: JSON.stringify(alarm) };
  return {
    ...{ seq, id: `${id}/${revision}`, type: "zhian.alarm.transition", time: alarm.updatedAt, subject: id },
    ...{ at: at0 + seq, data: JSON.stringify(transition), clock: "synchronised" as const },
    ...(newest ? { retained: { alarmId: id, ...open } } : {}),
  };
}

/** Every entry raises an alarm of its own. */
export function alarmEntry(seq: number): LaneEntry {
  return stepEntry(seq, alarmOf(seq, 1));
}

export class MemoryCursors implements Cursors {
  readonly positions = new Map<string, number>();

  get(name: string): number {
    return this.positions.get(name) ?? 0;
  }

  set(name: string, seq: number): void {
    this.positions.set(name, seq);
  }
}

export class MemoryGaps implements Gaps {
  readonly gaps: Gap[] = [];
  readonly quarantine_: { lane: LaneName; seq: number; reason: string }[] = [];
  readonly #epoch = epochSchema.parse("e-1");

  declare(lane: LaneName, from: number, to: number, reason: Gap["reason"]): void {
    const at = iso(at0);
    this.gaps.push({ id: this.gaps.length + 1, lane, epoch: this.#epoch, from, to, reason, at });
  }

  read(after: number, limit: number): readonly Gap[] {
    return this.gaps.slice(after, after + limit);
  }

  quarantine(lane: LaneName, entry: LaneEntry, reason: string): void {
    if (this.quarantine_.some((q) => q.lane === lane && q.seq === entry.seq)) return;
    this.quarantine_.push({ lane, seq: entry.seq, reason });
    this.declare(lane, entry.seq, entry.seq, "poison");
  }

  quarantined(lane: LaneName): number {
    return this.quarantine_.filter((q) => q.lane === lane).length;
  }

  evicted(lane: LaneName): number {
    return this.#sum(lane, 0);
  }

  /** As the log keeps it: what lies behind the cursor and was neither set aside nor removed was delivered. */
  ledger(source: LaneSource, cursor: number): Ledger {
    const { lane } = source;
    const quarantined = this.quarantined(lane);
    const evicted = this.evicted(lane);
    const quarantinedAhead = this.quarantine_.filter((q) => q.lane === lane && q.seq > cursor).length;
    const evictedAhead = this.#sum(lane, cursor);
    return {
      accepted: source.head(),
      delivered: cursor - (quarantined - quarantinedAhead) - (evicted - evictedAhead),
      pending: source.head() - cursor - quarantinedAhead - evictedAhead,
      quarantined,
      evicted,
    };
  }

  #sum(lane: LaneName, after: number): number {
    return this.gaps
      .filter((gap) => gap.lane === lane && gap.reason === "retention" && gap.to > after)
      .reduce((sum, gap) => sum + gap.to - Math.max(gap.from - 1, after), 0);
  }
}

export class MemoryDesk implements AlarmDesk {
  readonly alarms = new Map<string, Alarm>();
  readonly acts: string[] = [];

  put(alarm: Alarm): void {
    this.alarms.set(alarm.id, alarm);
  }

  open(): readonly Alarm[] {
    return [...this.alarms.values()].filter((alarm) => alarm.state !== "closed");
  }

  get(id: AlarmId): Alarm | undefined {
    return this.alarms.get(id);
  }

  acknowledge(id: AlarmId, by: Alarm["acknowledgedBy"] & object, comment?: string): Alarm {
    this.acts.push(`acknowledge ${id} by ${by.name} via ${by.via} ${comment ?? ""}`.trim());
    return this.#change(id, { state: "active-acknowledged", acknowledged: true, acknowledgedBy: by });
  }

  close(id: AlarmId, by: Alarm["closedBy"] & object, disposition: Alarm["disposition"] & string): Alarm {
    this.acts.push(`close ${id} by ${by.name} via ${by.via} as ${disposition}`);
    return this.#change(id, { state: "closed", closedBy: by, disposition });
  }

  shelve(id: AlarmId): Alarm {
    return this.#change(id, { state: "shelved" });
  }

  unshelve(id: AlarmId): Alarm {
    return this.#change(id, { state: "active-unacknowledged" });
  }

  escalate(id: AlarmId, tier: Tier): Alarm {
    return this.#change(id, { tier });
  }

  onTransitions(): () => void {
    return () => {};
  }

  #change(id: AlarmId, change: Partial<Alarm>): Alarm {
    const alarm = this.alarms.get(id);
    if (alarm === undefined) throw new GatewayError("ALARM_UNKNOWN", `no alarm has the id ${id}`);
    if (alarm.state === "closed") throw new GatewayError("ALARM_CLOSED", `alarm ${id} is closed`);
    const changed = { ...alarm, ...change, revision: alarm.revision + 1 };
    this.alarms.set(id, changed);
    return changed;
  }
}

export class MemoryDevices implements DeviceDirectory {
  readonly #states = new Map<string, DeviceState>();
  readonly #listeners = new Set<(state: DeviceState) => void>();

  set(id: string, change: Partial<DeviceState> = {}): void {
    const deviceId = deviceIdSchema.parse(id);
    const state: DeviceState = { online: "online", since: at0, ...this.#states.get(id), ...change, deviceId };
    this.#states.set(id, state);
    for (const listener of this.#listeners) listener(state);
  }

  forget(id: string): void {
    this.#states.delete(id);
  }

  devices(): readonly Device[] {
    const zoneId = zoneIdSchema.parse("b3-u1");
    return [...this.#states.values()].map(({ deviceId: id }) => ({
      ...{ id, name: `装置 ${id}`, driver: "thermal-extinguisher", dialect: "modbus-rtu", zoneId },
    }));
  }

  states(): readonly DeviceState[] {
    return [...this.#states.values()];
  }

  onChanged(listener: (state: DeviceState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  strangers(): readonly never[] {
    return [];
  }

  health(): readonly never[] {
    return [];
  }
}

export class MemoryZones implements ZoneBoard {
  readonly #zones = new Map<string, ZoneState>();
  readonly #listeners = new Set<(zone: ZoneState) => void>();

  set(id: string, colour: ZoneState["colour"]): void {
    const zone = { zoneId: zoneIdSchema.parse(id), colour, since: at0, reasons: [{ zh: "无", en: "none" }] };
    this.#zones.set(id, zone);
    for (const listener of this.#listeners) listener(zone);
  }

  forget(id: string): void {
    this.#zones.delete(id);
  }

  zones(): readonly ZoneState[] {
    return [...this.#zones.values()];
  }

  onChanged(listener: (zone: ZoneState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
