import { GatewayError } from "./domain/errors.ts";
import { gatewayDeviceId, type ObservationId, siteZoneId } from "./domain/ids.ts";
import type { ObservationDraft } from "./domain/observation.ts";
import type { EngineStart } from "./fusion/engine.ts";
import type { Logs } from "./log/open-logs.ts";
import type { AlarmDesk } from "./ports/alarms.ts";
import type { Clock } from "./ports/clock.ts";
import type { Logger } from "./ports/telemetry.ts";

export interface SelfReport {
  /** Resolves when the logs can only be mended by a new start. */
  readonly failed: Promise<GatewayError>;
  /** Where fusion goes on from. */
  fusionStart(): EngineStart | undefined;
  /** A rule threw: told once a rule. */
  ruleFailed(rule: string): void;
}

interface SelfReportOptions {
  readonly logs: Logs;
  readonly desk: AlarmDesk;
  readonly newId: () => ObservationId;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What the gateway observes of itself goes the same way as what a device says: into the observation log, to the rules,
 * to the city. It begins with the start, since nobody watched before it.
 */
export function reportOnItself(options: SelfReportOptions): SelfReport {
  const { logs, desk, newId, version, clock, logger } = options;
  const { promise: failed, resolve: fail } = Promise.withResolvers<GatewayError>();
  const told = new Set<string>();

  function observe(draft: ObservationDraft): void {
    const own = { id: newId(), deviceId: gatewayDeviceId, zoneId: siteZoneId, dialect: "gateway", draft };
    logs.observations
      .append([own])
      .catch((err: unknown) =>
        logger.error({ err, kind: draft.kind }, "the gateway could not note what it saw of itself"),
      );
  }
  function fault(code: string, active: boolean, detail?: string): void {
    observe({ kind: "gateway.fault", body: { code, active, ...(detail === undefined ? {} : { detail }) } });
  }

  const { boot, damage } = logs;
  const downMs = boot.lastAt === 0 ? undefined : Math.max(0, clock.now() - boot.lastAt);
  observe({
    kind: "gateway.started",
    body: { version, boot: boot.number, ...(downMs === undefined ? {} : { downMs }) },
  });
  if (damage !== undefined) {
    const { what, salvaged, lost, setAside } = damage;
    fault(
      "log-damaged",
      true,
      `${what}; salvaged ${JSON.stringify(salvaged)}, lost at most ${JSON.stringify(lost)}${setAside === undefined ? "" : `, kept in ${setAside}`}`,
    );
  } else if (desk.open().some((alarm) => alarm.subject === `${gatewayDeviceId}/log-damaged` && alarm.active)) {
    fault("log-damaged", false);
  }

  logs.onHealth(({ ok, code }) => {
    if (ok) {
      // While it failed nothing could be noted; the log gets the failure and its end together.
      fault("disk-failing", true, "it is over now");
      fault("disk-failing", false);
    } else if (code === "DB_CORRUPT") {
      fail(new GatewayError(code, "the database was found damaged while the gateway ran"));
    }
  });

  desk.onTransitions((batch) => {
    for (const { transition, seq } of batch) {
      const { alarmId, rule, step, subject, zoneId, severity, certainty, explanation } = transition;
      logger.warn(
        {
          alarm: alarmId,
          rule,
          step,
          subject,
          zone: zoneId,
          severity,
          certainty,
          seq,
          zh: explanation.zh,
          en: explanation.en,
        },
        `alarm ${step}`,
      );
    }
  });

  return {
    failed,
    fusionStart() {
      const point = logs.alarms.checkpoint();
      if (point === undefined) return undefined;
      const at = logs.observations.read(point.cursor - 1, 1)[0];
      // Retention may have taken it: then the next one is no measure of when it was.
      if (at?.seq !== point.cursor) return point;
      return { ...point, anchor: { at: at.at, wall: Date.parse(at.observation.receivedAt) } };
    },
    ruleFailed(rule) {
      if (told.has(rule)) return;
      told.add(rule);
      fault("rule-failed", true, rule);
    },
  };
}
