import { isDeepStrictEqual } from "node:util";
import type { DeviceId } from "../gateway/domain/ids.ts";
import type { ConfiguredDevice, GatewayConfig } from "./schema.ts";

export interface ConfigDiff {
  /** For example `uplink.urls`, `devices.gate-east`, `rules.fire`; values are left out, since some are secret. */
  readonly changed: readonly string[];
  /** Those of them that take effect only after a restart. */
  readonly needsRestart: readonly string[];
  readonly devices: {
    readonly added: readonly DeviceId[];
    readonly removed: readonly DeviceId[];
    readonly changed: readonly DeviceId[];
  };
}

/** Identity, place on disk and open sockets are fixed for the life of a process. */
const fixed = [
  "site.id",
  "site.timezone",
  "gateway.id",
  "gateway.data",
  "broker.listen",
  "broker.limits",
  "console.listen",
  "ingest.listen",
  "ingest.limits",
  "opcuaServer.listen",
  "opcuaServer.language",
  "uplink.prefix",
  "privacy.pseudonymKey",
];

/** What a reload would change. */
export function diffConfig(old: GatewayConfig, next: GatewayConfig): ConfigDiff {
  const devices = compare(byId(old.devices), byId(next.devices));
  const changed = [
    ...sections.flatMap((section) => {
      const names = compare(entries(old[section]), entries(next[section]));
      return [...names.added, ...names.removed, ...names.changed].map((name) => `${section}.${name}`);
    }),
    ...lists.flatMap((list) => {
      const names = compare(byOwnId(old[list]), byOwnId(next[list]));
      return [...names.added, ...names.removed, ...names.changed].map((name) => `${list}.${name}`);
    }),
    ...[...devices.added, ...devices.removed, ...devices.changed].map((id) => `devices.${id}`),
  ];
  return { changed, needsRestart: changed.filter((path) => fixed.includes(path)), devices };
}

const sections = [
  "site",
  "gateway",
  "broker",
  "uplink",
  "console",
  "ingest",
  "opcuaServer",
  "rules",
  "escalation",
  "storage",
  "privacy",
  "log",
] as const;
const lists = ["zones", "serialLines", "people", "groups", "channels"] as const;

interface Names<K> {
  readonly added: readonly K[];
  readonly removed: readonly K[];
  readonly changed: readonly K[];
}

function compare<K>(old: ReadonlyMap<K, unknown>, next: ReadonlyMap<K, unknown>): Names<K> {
  return {
    added: [...next.keys()].filter((key) => !old.has(key)),
    removed: [...old.keys()].filter((key) => !next.has(key)),
    changed: [...next.keys()].filter((key) => old.has(key) && !isDeepStrictEqual(old.get(key), next.get(key))),
  };
}

function entries(section: object | undefined): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(section ?? {}).filter(([, value]) => value !== undefined));
}

function byOwnId(list: readonly { readonly id: string }[]): ReadonlyMap<string, unknown> {
  return new Map(list.map((each) => [each.id, each]));
}

function byId(devices: readonly ConfiguredDevice[]): ReadonlyMap<DeviceId, unknown> {
  return new Map(devices.map(({ device, options, profile }) => [device.id, { device, options, profile }]));
}
