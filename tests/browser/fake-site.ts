import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConsoleOptions, startConsole } from "../../gateway/console/console.ts";
import type { Actor, Alarm, AlarmTransition, Disposition, Step } from "../../gateway/domain/alarm.ts";
import type { CommandOffer, DeviceCommand } from "../../gateway/domain/command.ts";
import type { Device, DeviceHealth, DeviceState, Zone } from "../../gateway/domain/device.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import {
  alarmIdSchema,
  deviceIdSchema,
  epochSchema,
  observationIdSchema,
  zoneIdSchema,
} from "../../gateway/domain/ids.ts";
import { Health } from "../../gateway/ops/health.ts";
import { Metrics } from "../../gateway/ops/metrics.ts";
import type { AlarmDesk } from "../../gateway/ports/alarms.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import type { LoggedTransition } from "../../gateway/ports/logs.ts";
import type { StorageView, UplinkView } from "../../gateway/ports/status.ts";
import type { Logger } from "../../gateway/ports/telemetry.ts";

const zoneList: readonly Zone[] = [
  { id: zoneIdSchema.parse("b3"), name: "3栋" },
  { id: zoneIdSchema.parse("b3-u1"), name: "3栋1单元", parent: zoneIdSchema.parse("b3") },
  { id: zoneIdSchema.parse("east"), name: "东门" },
  { id: zoneIdSchema.parse("garage"), name: "地下车库", parent: zoneIdSchema.parse("b3") },
];

const deviceList: readonly Device[] = [
  ["gate-east", "东门人脸机", "face-terminal", "east"],
  ["cam-b3", "3栋北高抛相机", "throw-camera", "b3"],
  ["ext-b3-2f", "3栋2层灭火装置", "thermal-extinguisher", "b3-u1"],
  ["ext-garage", "车库灭火装置", "thermal-extinguisher", "garage"],
].map(([id, name, driver, zone]) => ({
  id: deviceIdSchema.parse(id),
  name: name ?? "",
  driver: driver ?? "",
  dialect: "simulated",
  zoneId: zoneIdSchema.parse(zone),
}));

const offers: readonly CommandOffer[] = [
  { name: "unlock", title: { zh: "开门", en: "Unlock" }, actuates: true },
  { name: "set-time", title: { zh: "校时", en: "Set the clock" }, actuates: false },
];

const titles: Record<string, { zh: string; en: string }> = {
  fire: { zh: "火警", en: "Fire" },
  "thrown-object": { zh: "高空抛物", en: "Object thrown from height" },
  "access-denied-repeated": { zh: "门禁多次被拒", en: "Repeated denied entry" },
  "device-offline": { zh: "设备离线", en: "Device offline" },
};

export interface FakeAlarm {
  readonly rule: string;
  readonly subject: string;
  readonly zone: string;
  readonly severity: Alarm["severity"];
  readonly certainty?: Alarm["certainty"];
  readonly zh: string;
  readonly en: string;
  readonly agoMs?: number;
  readonly count?: number;
}

/** A site without a gateway behind it: what the console looks at, in memory, with the acts that the ports promise. */
export class FakeSite {
  readonly clock: Clock;
  readonly dataDir = mkdtempSync(join(tmpdir(), "zhian-console-"));
  readonly logged: LoggedTransition[] = [];
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  readonly metrics = new Metrics({ strict: true });
  readonly logger: Logger;
  readonly epoch = epochSchema.parse("epoch-1");
  uplinkState: UplinkView["state"] = "up";
  pending = 0;
  storage: StorageView = { writable: true, bytes: 1_000_000, budgetBytes: 100_000_000 };
  readonly states = new Map<string, DeviceState>();
  healths: readonly DeviceHealth[] = [];
  /** Commands that reached a device. */
  readonly told: (DeviceCommand & { deviceId: string; by: Actor })[] = [];
  readonly #alarms = new Map<string, Alarm>();
  readonly #listeners = new Set<(batch: readonly LoggedTransition[]) => void>();
  readonly #deviceListeners = new Set<(state: DeviceState) => void>();
  #raised = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.logger = this.#loggerFor({});
    for (const { id } of deviceList) this.setDevice(id, "online");
  }

  raise(fake: FakeAlarm): Alarm {
    this.#raised += 1;
    const at = new Date(this.clock.now() - (fake.agoMs ?? 0)).toISOString();
    const alarm: Alarm = {
      id: alarmIdSchema.parse(`alarm-${String(this.#raised).padStart(4, "0")}`),
      rule: fake.rule,
      subject: fake.subject,
      zoneId: zoneIdSchema.parse(fake.zone),
      severity: fake.severity,
      certainty: fake.certainty ?? "observed",
      priority: 1,
      state: "active-unacknowledged",
      active: true,
      acknowledged: false,
      latched: true,
      raisedAt: at,
      updatedAt: at,
      count: fake.count ?? 1,
      revision: 0,
      causes: [observationIdSchema.parse(`observation-${this.#raised}`)],
      evidence: [],
      explanation: { zh: fake.zh, en: fake.en },
    };
    return this.#step(alarm, "raised");
  }

  /** The condition is gone, nobody has acknowledged yet. */
  returnToNormal(alarm: Alarm): void {
    this.#step({ ...alarm, active: false, state: "returned-unacknowledged" }, "returned");
  }

  setDevice(id: string, online: DeviceState["online"]): void {
    const state = { deviceId: deviceIdSchema.parse(id), online, since: this.clock.wall() };
    this.states.set(id, state);
    for (const listener of this.#deviceListeners) listener(state);
  }

  readonly desk: AlarmDesk = {
    open: () => [...this.#alarms.values()].filter((alarm) => alarm.state !== "closed"),
    get: (id) => this.#alarms.get(id),
    acknowledge: (id, by, comment) => {
      const alarm = this.#openAlarm(id);
      if (alarm.acknowledged) return alarm;
      const said = comment === undefined ? {} : { comment };
      const state = alarm.active ? "active-acknowledged" : "returned-acknowledged";
      return this.#step({ ...alarm, acknowledged: true, acknowledgedBy: by, state, ...said }, "acknowledged");
    },
    close: (id, by, disposition: Disposition, comment) => {
      const said = comment === undefined ? {} : { comment };
      const closed = { ...this.#openAlarm(id), state: "closed" as const, active: false, closedBy: by, disposition };
      return this.#step({ ...closed, ...said }, "closed");
    },
    shelve: (id, by, until, reason) => {
      const [since, end] = [this.clock.wall(), until].map((ms) => new Date(ms).toISOString());
      const hold = { kind: "shelved" as const, by, reason, since: since ?? "", until: end ?? "" };
      return this.#step({ ...this.#openAlarm(id), state: "shelved", hold }, "shelved");
    },
    unshelve: (id) => {
      const { hold: _, ...alarm } = this.#openAlarm(id);
      return this.#step({ ...alarm, state: "active-unacknowledged" }, "unshelved");
    },
    escalate: (id, tier) => this.#step({ ...this.#openAlarm(id), tier }, "escalated"),
    onTransitions: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  options(overrides: Partial<ConsoleOptions> = {}): ConsoleOptions {
    const devices = {
      devices: () => deviceList,
      states: () => [...this.states.values()],
      strangers: () => [
        {
          via: "mqtt" as const,
          username: "intruder",
          clientId: "x",
          address: "10.0.0.9",
          lastAt: this.clock.wall(),
          attempts: 3,
          snippet: "- { id: … }",
        },
      ],
      health: () => this.healths,
      onChanged: (listener: (state: DeviceState) => void) => {
        this.#deviceListeners.add(listener);
        return () => this.#deviceListeners.delete(listener);
      },
    };
    const uplink = (): UplinkView => ({
      state: this.uplinkState,
      since: this.clock.now(),
      lanes: [
        {
          lane: "alarms",
          epoch: this.epoch,
          head: this.logged.length,
          ledger: {
            accepted: this.logged.length,
            delivered: this.logged.length - this.pending,
            pending: this.pending,
            quarantined: 0,
            evicted: 0,
          },
        },
      ],
    });
    return {
      listen: { host: "127.0.0.1", port: 0 },
      dataDir: this.dataDir,
      desk: this.desk,
      alarmLog: {
        epoch: this.epoch,
        head: () => this.logged.length,
        read: (after, limit) => this.logged.slice(after, after + limit),
      },
      devices,
      commands: {
        offers: (id) => (id === "gate-east" ? offers : []),
        command: (deviceId, command, by) => {
          this.told.push({ deviceId, by, ...command });
          return Promise.resolve({ ok: true, confirmed: true });
        },
      },
      zones: {
        zones: () =>
          zoneList.map((zone) => ({
            zoneId: zone.id,
            colour: this.desk.open().some((alarm) => alarm.zoneId === zone.id) ? "red" : "green",
            since: this.clock.now(),
            reasons: [],
          })),
        onChanged: () => () => {},
      },
      places: () => zoneList,
      ruleTitle: (rule) => titles[rule],
      site: { id: "jinshuiwan", name: "金水湾小区", timezone: "Asia/Shanghai" },
      uplink,
      storage: () => this.storage,
      health: new Health({
        clock: this.clock,
        version: "0.1.0",
        broker: () => ({ listening: true }),
        storage: () => this.storage,
        uplink,
        devices,
        fusion: () => ({ cursor: 1, head: 1 }),
      }),
      metrics: this.metrics,
      clock: this.clock,
      logger: this.logger,
      version: "0.1.0",
      ...overrides,
    };
  }

  start(overrides: Partial<ConsoleOptions> = {}) {
    return startConsole(this.options(overrides));
  }

  #openAlarm(id: string): Alarm {
    const alarm = this.#alarms.get(id);
    if (alarm === undefined) throw new GatewayError("ALARM_UNKNOWN", `no alarm ${id}`);
    if (alarm.state === "closed") throw new GatewayError("ALARM_CLOSED", `alarm ${id} is closed`);
    return alarm;
  }

  #step(before: Alarm, step: Step): Alarm {
    const alarm = { ...before, revision: before.revision + 1 };
    this.#alarms.set(alarm.id, alarm);
    const { rule, subject, zoneId, severity, certainty, priority, state, raisedAt, count } = alarm;
    const { causes, evidence, explanation, disposition, comment, revision } = alarm;
    const by = alarm.closedBy ?? alarm.acknowledgedBy;
    const seq = this.logged.length + 1;
    const transition: AlarmTransition = {
      id: `transition-${seq}`,
      alarmId: alarm.id,
      step,
      at: new Date(this.clock.now()).toISOString(),
      ...{ rule, subject, zoneId, severity, certainty, priority, state, raisedAt, count },
      ...{ causes, evidence, explanation, revision },
      ...(by === undefined ? {} : { by }),
      ...(disposition === undefined ? {} : { disposition }),
      ...(comment === undefined ? {} : { comment }),
    };
    const logged = { seq, transition, alarm, observationCursor: 0 };
    this.logged.push(logged);
    for (const listener of this.#listeners) listener([logged]);
    return alarm;
  }

  #loggerFor(bound: object): Logger {
    const at = (level: string) => (fields: object, message: string) => {
      this.lines.push({ level, fields: { ...bound, ...fields }, message });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => this.#loggerFor({ ...bound, ...fields }),
    };
  }
}
