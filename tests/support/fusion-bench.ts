import { createAlarmDesk, type FusionDesk } from "../../gateway/alarms/desk.ts";
import {
  type DeviceId,
  deviceIdSchema,
  observationIdSchema,
  type ZoneId,
  zoneIdSchema,
} from "../../gateway/domain/ids.ts";
import type { Observation, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { EngineStart } from "../../gateway/fusion/engine.ts";
import { type Fusion, startFusion } from "../../gateway/fusion/fusion.ts";
import type { ConfiguredRule, Rule, SiteView } from "../../gateway/fusion/rule.ts";
import { rules } from "../../gateway/fusion/rules.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryAlarmLog, MemoryObservationLog } from "./memory-logs.ts";
import { countingTelemetry, quietLogger } from "./quiet.ts";

export function device(id: string): DeviceId {
  return deviceIdSchema.parse(id);
}

/** `b3-u1` lies in `b3`; give another one to a bench where a rule asks for more. */
export const testSite: SiteView = {
  deviceName: (id) => id,
  driverOf: (id) =>
    id.startsWith("ext") ? "thermal-extinguisher" : id.startsWith("cam") ? "throw-camera" : "face-terminal",
  zoneName: (id) => id,
  rootOf: (id) => zoneIdSchema.parse(id.split("-")[0]),
  neighboursOf: () => [],
  zonesIn: (id) => [id],
  devicesIn: () => [],
  tagsOf: () => [],
  zoneOf: () => undefined,
};

export function withDefaults(only: readonly Rule[] = rules, params: Record<string, unknown> = {}): ConfiguredRule[] {
  return only.map((rule) => ({ rule, params: rule.params.parse(params[rule.name] ?? {}) }));
}

/** Logs, fusion and desk on a clock that moves only when told to: what a rule's test needs, and nothing else. */
export class FusionBench {
  readonly clock: ManualClock;
  readonly log: MemoryObservationLog;
  readonly alarms: MemoryAlarmLog;
  readonly telemetry = countingTelemetry();
  readonly ruleErrors: { rule: string; observation: Observation | undefined }[] = [];
  desk: FusionDesk;
  #fusion: Fusion;
  readonly #rules: readonly ConfiguredRule[];
  #minted = 0;

  readonly #site: SiteView;

  constructor(
    configured: readonly ConfiguredRule[] = withDefaults(),
    clock = new ManualClock(),
    site: Partial<SiteView> = {},
  ) {
    this.#site = { ...testSite, ...site };
    this.clock = clock;
    this.log = new MemoryObservationLog(clock);
    this.alarms = new MemoryAlarmLog(clock);
    this.#rules = configured;
    this.desk = createAlarmDesk({ log: this.alarms, clock, telemetry: this.telemetry });
    this.#fusion = this.#start();
  }

  observe(deviceId: string, zoneId: string, draft: ObservationDraft): void {
    this.#minted += 1;
    const id = observationIdSchema.parse(`o${this.#minted}`);
    const zone: ZoneId = zoneIdSchema.parse(zoneId);
    void this.log.append([{ id, deviceId: device(deviceId), zoneId: zone, dialect: "test", draft }]);
  }

  /** As a power cut would: what was not committed is gone, and a new process goes on from the logs. */
  restart(clean: boolean): void {
    if (clean) this.#fusion.stop();
    else this.#fusion.abandon();
    this.desk.stop();
    this.desk = createAlarmDesk({ log: this.alarms, clock: this.clock, telemetry: this.telemetry });
    this.#fusion = this.#start();
  }

  #start(): Fusion {
    const point = this.alarms.checkpoint();
    const at = point === undefined ? undefined : this.log.read(point.cursor - 1, 1)[0];
    const anchor = at === undefined ? {} : { anchor: { at: at.at, wall: Date.parse(at.observation.receivedAt) } };
    const start: EngineStart | undefined = point === undefined ? undefined : { ...point, ...anchor };
    const desk = this.desk;
    return startFusion({
      log: this.log,
      rules: this.#rules,
      site: this.#site,
      start,
      clock: this.clock,
      logger: quietLogger,
      telemetry: this.telemetry,
      commit: (signals, checkpoint) => desk.take(signals, checkpoint),
      onRuleError: (rule, observation) => this.ruleErrors.push({ rule, observation }),
    });
  }

  /** Steps of one rule in the order of the alarm log. */
  steps(rule?: string): string[] {
    return this.alarms.entries
      .filter((entry) => rule === undefined || entry.transition.rule === rule)
      .map((entry) => entry.transition.step);
  }
}
