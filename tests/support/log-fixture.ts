import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Alarm,
  type AlarmTransition,
  alarmSchema,
  type Step,
  transitionSchema,
} from "../../gateway/domain/alarm.ts";
import { deviceIdSchema, observationIdSchema, siteIdSchema, zoneIdSchema } from "../../gateway/domain/ids.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import { type Logs, type LogsOptions, openLogs } from "../../gateway/log/open-logs.ts";
import type { NewObservation, NewTransition } from "../../gateway/ports/logs.ts";
import { ManualClock } from "./manual-clock.ts";
import { quietLogger } from "./quiet.ts";

export const eventCursorName = "uplink.events";
export const alarmCursorName = "uplink.alarms";

/** A data directory in a temporary place, gone after `remove`. */
export function temporaryDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "zhian-log-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function openTestLogs(dataDir: string, options: Partial<LogsOptions> = {}): Logs & { clock: ManualClock } {
  const clock = options.clock instanceof ManualClock ? options.clock : new ManualClock();
  const logs = openLogs({
    dataDir,
    siteId: siteIdSchema.parse("jinshuiwan"),
    logger: quietLogger,
    telemetry: { count: () => {}, gauge: () => {} },
    budgetBytes: 256 * 1024 * 1024,
    eventCursorName,
    alarmCursorName,
    reserveBytes: 256 * 1024,
    ...options,
    clock,
  });
  return { ...logs, clock };
}

let minted = 0;

/** A denied entry at a terminal; `n` makes it tell apart from others. */
export function denied(n: number, extra: Partial<ObservationDraft> = {}, device = "gate-east"): NewObservation {
  return observation(
    { kind: "access.denied", body: { delivery: "live", reason: "refused", similarity: n % 100 } },
    extra,
    device,
  );
}

/** A temperature of an extinguisher: related to fire, so given up last. */
export function temperature(celsius: number, device = "ext-b3-2f"): NewObservation {
  return observation({ kind: "thermal.reading", body: { temperatureC: celsius } }, {}, device);
}

function observation(draft: ObservationDraft, extra: Partial<ObservationDraft>, device: string): NewObservation {
  minted += 1;
  return {
    id: observationIdSchema.parse(`observation-${process.pid}-${minted}`),
    deviceId: deviceIdSchema.parse(device),
    zoneId: zoneIdSchema.parse("b3-u1"),
    dialect: "facesluice-mqtt",
    draft: { ...draft, ...extra } as ObservationDraft,
  };
}

/** A step of an alarm together with the alarm after it. */
export function alarmStep(alarmId: string, step: Step, place = 1): NewTransition {
  const state = step === "closed" ? "closed" : "active-unacknowledged";
  const at = "2026-11-24T00:00:00.000Z";
  const shared = {
    rule: "fire",
    subject: "ext-b3-2f",
    zoneId: "b3-u1",
    severity: "critical",
    certainty: "observed",
    priority: 1,
    state,
    raisedAt: at,
    count: place,
    revision: place,
    causes: ["observation-1"],
    evidence: [],
    explanation: { zh: "温度超过阈值", en: "temperature above the threshold" },
  };
  const alarm: Alarm = alarmSchema.parse({
    ...shared,
    id: alarmId,
    active: true,
    acknowledged: false,
    latched: true,
    updatedAt: at,
  });
  const transition: AlarmTransition = transitionSchema.parse({
    ...shared,
    id: `${alarmId}-${place}`,
    alarmId,
    step,
    at,
  });
  return { transition, alarm };
}

/** Fusion has read all there is. */
export function fuseAll(logs: Logs): void {
  logs.alarms.append([], { cursor: logs.observations.head(), at: 0, states: [] });
}

/** Everything in a log, by its public door. */
export function allSeqs(logs: Logs): number[] {
  return logs.observations.read(0, 10_000_000).map((entry) => entry.seq);
}
