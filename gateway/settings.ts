import type { GatewayConfig } from "../config/schema.ts";
import { channelSchema, openChannel } from "./alarms/channels/channels.ts";
import type { EscalationPolicy, SeverityPolicy, TierPolicy } from "./alarms/escalation/policy.ts";
import type { Severity } from "./domain/alarm.ts";
import { siteZoneId, type ZoneId } from "./domain/ids.ts";
import type { ConfiguredRule, SiteView } from "./fusion/rule.ts";
import { rules } from "./fusion/rules.ts";
import type { IngestLimits } from "./ingress/ingest-limits.ts";
import type { IngressLimits } from "./ingress/limits.ts";
import type { Channel } from "./ports/push.ts";
import type { CityOptions } from "./uplink/options.ts";

/** The parts of the configuration in the terms of the stage that they are for. */

export function brokerLimits({ broker }: GatewayConfig): Partial<IngressLimits> {
  const { maxPacket, maxConnections, maxConnectionsPerAddress, messagesPerSecond, topicLevels } = broker.limits;
  return {
    packetBytes: maxPacket,
    connections: maxConnections,
    connectionsPerAddress: maxConnectionsPerAddress,
    messagesPerSecond,
    messageBurst: 10 * messagesPerSecond,
    topicLevels,
  };
}

export function ingestLimits({ limits }: NonNullable<GatewayConfig["ingest"]>): Partial<IngestLimits> {
  const { maxBody, maxConnections, maxConnectionsPerAddress, requestsPerSecond } = limits;
  return {
    bodyBytes: maxBody,
    connections: maxConnections,
    connectionsPerAddress: maxConnectionsPerAddress,
    requestsPerSecond,
    requestBurst: 10 * requestsPerSecond,
  };
}

export function cityOptions({ uplink }: GatewayConfig): CityOptions {
  if (uplink === undefined) return { urls: [], prefix: "zhian/v1" };
  const { urls, prefix, username, password, tls, window, backlogRate, ackTimeout, keepAlive } = uplink;
  return {
    urls,
    prefix,
    credentials: { username, password, tls },
    window,
    backlogRate,
    ackTimeoutMs: ackTimeout,
    keepAliveSeconds: Math.max(1, Math.round(keepAlive / 1000)),
  };
}

/** The site's names as the rules see them, always those of the configuration in force. */
export function siteView(config: () => GatewayConfig): SiteView {
  const deviceOf = (id: string) => config().devices.find(({ device }) => device.id === id)?.device;
  const zoneOf = (id: string) => config().zones.find((zone) => zone.id === id);
  const zonesIn = (id: ZoneId): readonly ZoneId[] => [
    id,
    ...config()
      .zones.filter(({ parent }) => parent === id || (parent === undefined && id === siteZoneId))
      .flatMap((zone) => zonesIn(zone.id)),
  ];
  return {
    deviceName: (id) => deviceOf(id)?.name ?? id,
    driverOf: (id) => deviceOf(id)?.driver,
    zoneName: (id) => zoneOf(id)?.name ?? config().site.name,
    rootOf(id) {
      let root: ZoneId = id;
      for (let up = zoneOf(root)?.parent; up !== undefined; up = zoneOf(root)?.parent) root = up;
      return root;
    },
    neighboursOf: (id) => [
      ...new Set([
        ...(zoneOf(id)?.neighbours ?? []),
        ...config()
          .zones.filter(({ neighbours }) => neighbours?.includes(id))
          .map((zone) => zone.id),
      ]),
    ],
    zonesIn,
    devicesIn(id) {
      const inside = new Set<ZoneId>(zonesIn(id));
      return config()
        .devices.filter(({ device }) => inside.has(device.zoneId))
        .map(({ device }) => device.id);
    },
    tagsOf: (id) => deviceOf(id)?.tags ?? [],
    zoneOf: (id) => deviceOf(id)?.zoneId,
  };
}

/** Every rule with the parameters that the configuration gives it. */
export function configuredRules(config: GatewayConfig): readonly ConfiguredRule[] {
  return rules.map((rule) => ({ rule, params: config.rules[rule.name] ?? rule.params.parse({}) }));
}

/** Sooner than the tiers' own times where those are longer. */
const criticalAfter = { 2: 60_000, 3: 300_000 } as const;

export function escalationPolicy(
  { people, groups, site }: GatewayConfig,
  { tiers, bySeverity, coolDown }: NonNullable<GatewayConfig["escalation"]>,
): EscalationPolicy {
  const sooner = (tier: 2 | 3): number => Math.min(criticalAfter[tier], tiers[tier]?.after ?? criticalAfter[tier]);
  const policyOf = (severity: Severity): SeverityPolicy => {
    const { upTo, after, hours } = bySeverity[severity];
    const critical = severity === "critical";
    return {
      upTo,
      after: critical ? { 1: after[1], 2: after[2] ?? sooner(2), 3: after[3] ?? sooner(3) } : after,
      ...(critical ? { repeatEvery: tiers[1].repeatEvery } : {}),
      ...(hours === "always" ? {} : { hours }),
    };
  };
  const tierOf = ({ to, channels, after, unless }: TierPolicy): TierPolicy => ({ to, channels, after, unless });
  return {
    people: people.map(({ id, name, phone, email }) => ({
      id,
      name,
      ...(phone === undefined ? {} : { phone }),
      ...(email === undefined ? {} : { email }),
    })),
    groups,
    tiers: { 1: tierOf(tiers[1]), 2: tiers[2] && tierOf(tiers[2]), 3: tiers[3] && tierOf(tiers[3]) },
    bySeverity: {
      critical: policyOf("critical"),
      major: policyOf("major"),
      minor: policyOf("minor"),
      warning: policyOf("warning"),
    },
    coolDown,
    timeZone: site.timezone,
  };
}

/** The channels that the configuration names; nothing is sent yet. */
export function openChannels(
  { channels, site }: GatewayConfig,
  parts: Omit<Parameters<typeof openChannel>[1], "site">,
): readonly Channel[] {
  return channels.map(({ given }) => openChannel(channelSchema.parse(given), { ...parts, site }));
}
