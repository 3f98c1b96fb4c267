import { diffConfig } from "../config/diff.ts";
import type { GatewayConfig } from "../config/schema.ts";
import { openModbusTcp } from "../drivers/modbus/open-modbus-tcp.ts";
import { openSerialLines, withFeeds } from "../drivers/serial-line/serial-lines.ts";
import { createAlarmDesk } from "./alarms/desk.ts";
import { type Escalation, startEscalation } from "./alarms/escalation/escalation.ts";
import { createZoneBoard } from "./alarms/zone-board.ts";
import { type RunningConsole, startConsole } from "./console/console.ts";
import type { GatewayError } from "./domain/errors.ts";
import { startFusion } from "./fusion/fusion.ts";
import { rules } from "./fusion/rules.ts";
import { Admission } from "./ingress/admission.ts";
import { startBroker } from "./ingress/broker.ts";
import { startIngest } from "./ingress/ingest.ts";
import { startSupervisor } from "./ingress/supervisor.ts";
import { openLogs } from "./log/open-logs.ts";
import { opcUaUsers } from "./opcua-users.ts";
import { Health } from "./ops/health.ts";
import { Metrics } from "./ops/metrics.ts";
import { observationIds } from "./ops/observation-ids.ts";
import { loadPseudonyms } from "./ops/pseudonym.ts";
import type { SystemClock } from "./ops/system-clock.ts";
import type { AlarmDesk } from "./ports/alarms.ts";
import type { ObservationLog } from "./ports/logs.ts";
import type { Logger } from "./ports/telemetry.ts";
import { reportOnItself } from "./self-report.ts";
import {
  brokerLimits,
  cityOptions,
  configuredRules,
  escalationPolicy,
  ingestLimits,
  openChannels,
  siteView,
} from "./settings.ts";
import { laneCursors } from "./uplink/ledger.ts";
import { startUplink } from "./uplink/start-uplink.ts";

export interface GatewayDeps {
  readonly clock: SystemClock;
  readonly logger: Logger;
  readonly version: string;
  /** For the controls of the fault tests, which break a promise on purpose. */
  readonly decorateLog?: (log: ObservationLog) => ObservationLog;
}

export interface RunningGateway {
  readonly console: RunningConsole;
  /** Resolves when the gateway cannot go on by itself and has to be started anew. */
  readonly failed: Promise<GatewayError>;
  /** Puts another configuration in force, without losing a message. Rejects, and changes nothing, where it cannot. */
  reload(next: GatewayConfig): Promise<void>;
  /** Finishes what was begun and lets go of everything. */
  stop(): Promise<void>;
}

/**
 * The gateway: every room joined, in the order in which a message travels.
 *
 *     device → broker / ingest / serial line → driver session → observation log → fusion → alarm desk → alarm log → uplink, console, escalation
 */
export async function startGateway(first: GatewayConfig, deps: GatewayDeps): Promise<RunningGateway> {
  let config = first;
  const { clock, logger, version } = deps;
  const dataDir = config.gateway.data;
  const closing: (() => unknown)[] = [];
  const shared = { clock, logger, telemetry: new Metrics({ logger }) };
  try {
    // The two logs. Whatever is in them survives; nothing else has to.
    const logs = openLogs({
      ...shared,
      dataDir,
      siteId: config.site.id,
      budgetBytes: config.storage.budget,
      observationsForMs: config.storage.keepObservations,
      alarmsForMs: config.storage.keepAlarms,
      eventCursorName: laneCursors.events,
      alarmCursorName: laneCursors.alarms,
    });
    closing.push(() => logs.close());
    clock.raiseTo(logs.boot.lastAt);
    const observations = deps.decorateLog?.(logs.observations) ?? logs.observations;
    const newId = observationIds(() => clock.wall());

    // From the observation log to the alarm log.
    const desk = createAlarmDesk({ ...shared, log: logs.alarms });
    closing.push(() => desk.stop());
    const self = reportOnItself({ ...shared, logs, desk, newId, version });
    const site = siteView(() => config);
    const fuse = () =>
      startFusion({
        ...shared,
        log: logs.observations,
        rules: configuredRules(config),
        site,
        start: self.fusionStart(),
        commit: (signals, checkpoint) => desk.take(signals, checkpoint),
        onRuleError: (rule) => self.ruleFailed(rule),
      });
    let fusion = fuse();
    closing.push(() => fusion.stop());

    // From the alarm log to the people whom the configuration names.
    const ruleTitle = (name: string) => rules.find((rule) => rule.name === name)?.title;
    const tellPeople = (): Escalation | undefined =>
      config.escalation &&
      startEscalation({
        ...shared,
        desk,
        log: logs.pushes,
        policy: escalationPolicy(config, config.escalation),
        channels: openChannels(config, shared),
        random: Math.random,
        title({ rule, zoneId, explanation }) {
          const { zh, en } = ruleTitle(rule) ?? explanation;
          const where = site.zoneName(zoneId);
          return { zh: `${where} ${zh}`, en: `${where}: ${en}` };
        },
      });
    let escalation = tellPeople();
    closing.push(() => escalation?.stop());

    // From the devices to the observation log.
    const limits = brokerLimits(config);
    const broker = await startBroker({
      ...shared,
      listen: config.broker.listen,
      limits,
      admission: new Admission({ ...shared, limits }),
    });
    closing.push(() => broker.close());
    const ingest =
      config.ingest === undefined
        ? undefined
        : await startIngest({ ...shared, listen: config.ingest.listen, limits: ingestLimits(config.ingest) });
    closing.push(() => ingest?.close());
    const lines = openSerialLines(linesOf(config), shared);
    closing.push(() => lines.close());
    const modbusTcp = openModbusTcp(shared);
    closing.push(() => modbusTcp.close());
    const supervisor = startSupervisor({
      ...shared,
      devices: config.devices,
      log: observations,
      broker,
      ...(ingest === undefined ? {} : { ingest }),
      serialLines: (id) => lines.line(id),
      serialFeeds: (id) => lines.feed(id),
      modbusTcp: (address) => modbusTcp.line(address),
      timeZone: config.site.timezone,
      dataDir,
      pseudonym: loadPseudonyms(dataDir, config.privacy.pseudonymKey),
      newId,
      faultStands: (deviceId, code) => standsOpen(desk, `${deviceId}/${code}`),
    });
    closing.push(() => supervisor.close());
    const zones = createZoneBoard({ zones: () => config.zones, desk, devices: supervisor, clock });

    // From the logs to the city.
    const uplink = startUplink({
      ...shared,
      ...cityOptions(config),
      site: config.site,
      gatewayId: config.gateway.id,
      version,
      lanes: [logs.lanes.alarms, logs.lanes.events],
      cursors: logs.cursors,
      gaps: logs.gaps,
      ledger: (lane) => logs.ledger(lane),
      alarms: desk,
      devices: supervisor,
      zones,
      chainHead: () => logs.alarms.chainHead(),
      random: Math.random,
      audit: (record) => logger.info({ audit: record }, "the city gave a command"),
    });
    closing.push(() => uplink.stop());

    // From the logs to the people on the site.
    const health = new Health({
      clock,
      version,
      broker: () => ({ listening: broker.listening() }),
      storage: () => logs.storage(),
      uplink: () => uplink.state(),
      devices: supervisor,
      fusion: () => ({ cursor: fusion.cursor, head: logs.observations.head() }),
    });
    closing.push(() => health.close());
    const console = await startConsole({
      listen: config.console.listen,
      dataDir,
      desk,
      alarmLog: logs.alarms,
      devices: supervisor,
      commands: supervisor,
      zones,
      places: () => config.zones,
      ruleTitle,
      site: config.site,
      uplink: () => uplink.state(),
      storage: () => logs.storage(),
      health,
      metrics: shared.telemetry,
      clock,
      logger,
      version,
    });
    closing.push(() => console.close());

    // To the building-management system, where there is one: loaded only then, since it takes its second and 90 MB.
    const opcua =
      config.opcuaServer &&
      (await (
        await import("./opcua-server/opcua-server.ts")
      ).startOpcUaServer({
        ...shared,
        ...config.opcuaServer,
        dataDir,
        site: config.site,
        places: () => config.zones,
        devices: supervisor,
        desk,
        log: logs.observations,
        users: opcUaUsers({ dataDir, clock }),
        version,
      }));
    if (opcua !== undefined) closing.push(() => opcua.close());
    logger.info(
      {
        site: config.site.id,
        broker: broker.port,
        ingest: ingest?.port,
        console: console.url,
        devices: config.devices.length,
        version,
      },
      "the gateway runs",
    );

    return {
      console,
      failed: self.failed,
      async reload(next) {
        const { changed, needsRestart } = diffConfig(config, next);
        const city = cityOptions(next);
        await lines.apply(linesOf(next));
        await supervisor.apply(next.devices);
        config = next;
        if (changed.some((key) => key.startsWith("rules."))) {
          fusion.stop();
          fusion = fuse();
        }
        if (changed.some((key) => /^(people|groups|channels|escalation)\./.test(key))) {
          await escalation?.stop();
          escalation = tellPeople();
        }
        zones.refresh();
        await opcua?.refresh();
        await uplink.apply(city);
        logger.info({ changed, needsRestart }, "the configuration was read anew");
      },
      stop: () => closeAll(closing, logger),
    };
  } catch (error) {
    await closeAll(closing, logger);
    throw error;
  }
}

/** An alarm of this subject is open, and its condition was not seen to end. */
function standsOpen(desk: AlarmDesk, subject: string): boolean {
  return desk.open().some((alarm) => alarm.rule === "fault" && alarm.subject === subject && alarm.active);
}

/** A line that one device has to itself is only listened to. */
function linesOf({ serialLines, devices }: GatewayConfig): ReturnType<typeof withFeeds> {
  return withFeeds(
    serialLines,
    devices.flatMap(({ manifest, options }) => manifest.serial?.(options) ?? []),
  );
}

/** Last opened, first closed; one that fails does not keep the others open. */
async function closeAll(closing: (() => unknown)[], logger: Logger): Promise<void> {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) {
    try {
      await close();
    } catch (err) {
      logger.error({ err }, "a part did not close cleanly");
    }
  }
}
