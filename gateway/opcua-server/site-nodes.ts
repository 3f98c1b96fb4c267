import type { Device, Zone } from "../domain/device.ts";
import type { LoggedObservation } from "../domain/observation.ts";
import type { DeviceDirectory } from "../ports/devices.ts";

import { DeviceNode } from "./device-node.ts";
import type { AddressSpace, Namespace, ObjectNode } from "./nodes.ts";

export interface SiteNodesOptions {
  readonly addressSpace: AddressSpace;
  readonly site: { readonly id: string; readonly name: string };
  readonly places: () => readonly Zone[];
  readonly devices: DeviceDirectory;
}

/** Site → zones within zones → devices. Zones and devices come and go with the configuration; node ids stay those of their ids. */
export class SiteNodes {
  readonly site: ObjectNode;
  readonly #options: SiteNodesOptions;
  readonly #namespace: Namespace;
  readonly #zones = new Map<string, ObjectNode>();
  readonly #devices = new Map<string, { readonly node: DeviceNode; readonly as: string }>();

  #laying: Promise<void> = Promise.resolve();
  /** The zones as they were laid out. */
  #laidOut = "";

  constructor(options: SiteNodesOptions) {
    const { addressSpace, site } = options;
    this.#options = options;
    this.#namespace = addressSpace.getOwnNamespace();
    this.site = this.#namespace.addObject({
      browseName: site.id,
      displayName: site.name,
      nodeId: "s=site",
      organizedBy: addressSpace.rootFolder.objects,
      notifierOf: addressSpace.rootFolder.objects.server,
      eventNotifier: 1,
    });
  }

  /** Makes the nodes those of the configuration in force, a device a turn of the event loop. */
  layOut(): Promise<void> {
    this.#laying = this.#laying.then(() => this.#layOut());
    return this.#laying;
  }

  async #layOut(): Promise<void> {
    const { places, devices } = this.#options;
    const zones = places();
    const listed = devices.devices();
    for (const [id, { as }] of this.#devices) {
      if (!listed.some((device) => device.id === id && placed(device) === as)) this.#removeDevice(id);
    }
    // A zone that moves takes its devices along; there are few, so that all are laid out anew.
    if (JSON.stringify(zones) !== this.#laidOut) {
      this.#laidOut = JSON.stringify(zones);
      for (const id of [...this.#devices.keys()]) this.#removeDevice(id);
      for (const node of [...this.#zones.values()].reverse()) this.#options.addressSpace.deleteNode(node);
      this.#zones.clear();
      for (const zone of parentsFirst(zones)) this.#addZone(zone);
    }
    for (const device of listed) {
      if (this.#devices.has(device.id)) continue;
      const parent = this.zone(device.zoneId) ?? this.site;
      this.#devices.set(device.id, { node: new DeviceNode(this.#namespace, parent, device), as: placed(device) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.refresh();
  }

  /** States and figures as they are now. */
  refresh(): void {
    const { devices } = this.#options;
    for (const state of devices.states()) this.device(state.deviceId)?.state(state);
    this.refreshHealth();
  }

  refreshHealth(): void {
    for (const health of this.#options.devices.health()) this.device(health.deviceId)?.health(health);
  }

  observe(batch: readonly LoggedObservation[]): void {
    for (const { observation } of batch) this.device(observation.deviceId)?.observe(observation);
  }

  device(id: string): DeviceNode | undefined {
    return this.#devices.get(id)?.node;
  }

  zone(id: string): ObjectNode | undefined {
    return this.#zones.get(id);
  }

  #addZone(zone: Zone): void {
    const parent = (zone.parent === undefined ? undefined : this.zone(zone.parent)) ?? this.site;
    const node = this.#namespace.addObject({
      browseName: zone.id,
      displayName: zone.name,
      nodeId: `s=zone/${zone.id}`,
      componentOf: parent,
      notifierOf: parent,
      eventNotifier: 1,
    });
    this.#zones.set(zone.id, node);
  }

  #removeDevice(id: string): void {
    const known = this.#devices.get(id);
    this.#devices.delete(id);
    if (known !== undefined) this.#options.addressSpace.deleteNode(known.node.object);
  }
}

function placed({ zoneId, name }: Device): string {
  return `${zoneId} ${name}`;
}

/** The configuration may list a zone before the one that contains it. */
function parentsFirst(zones: readonly Zone[]): Zone[] {
  const ordered: Zone[] = [];
  for (let left = [...zones]; left.length > 0; ) {
    const ready = left.filter(({ parent }) => parent === undefined || !left.some(({ id }) => id === parent));
    const next = ready.length > 0 ? ready : left;
    ordered.push(...next);
    left = left.filter((zone) => !next.includes(zone));
  }
  return ordered;
}
