import type { GatewayConfig } from "../config/schema.ts";
import { siteZoneId, type ZoneId } from "./domain/ids.ts";
import type { ConfiguredRule, SiteView } from "./fusion/rule.ts";
import { rules } from "./fusion/rules.ts";
import type { IngestLimits } from "./ingress/ingest-limits.ts";
import type { IngressLimits } from "./ingress/limits.ts";
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
