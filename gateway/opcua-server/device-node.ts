import { DataType, type StatusCode, StatusCodes } from "node-opcua-client";
import type { Device, DeviceHealth, DeviceState } from "../domain/device.ts";
import type { Observation } from "../domain/observation.ts";
import type { Namespace, ObjectNode, VariableNode } from "./nodes.ts";

/** Contacts of one device that get a node. */
const mostContacts = 16;

type Value = number | string | boolean | Date;

/** What can be told of every device, known or not: a node that comes later is one that nobody has subscribed to. */
const stateVariables = {
  Online: DataType.Boolean,
  State: DataType.String,
  Since: DataType.DateTime,
  LastSeen: DataType.DateTime,
  ClockSkew: DataType.Double,
  Firmware: DataType.String,
  Received: DataType.UInt32,
  Rejected: DataType.UInt32,
  MessagesPerMinute: DataType.Double,
} as const;
const readingVariables = {
  Temperature: DataType.Double,
  Pressure: DataType.Double,
  Discharged: DataType.Boolean,
  LowPressure: DataType.Boolean,
  Tamper: DataType.Boolean,
} as const;
type StateName = keyof typeof stateVariables;

interface Reading {
  readonly node: VariableNode;
  readonly type: DataType;
  value?: Value;
  at?: Date;
}

/**
 * One device in the address space: `device/{id}` with its state and its newest readings (°C, MPa gauge). A reading of a device
 * that is not there is BadNoCommunication, one from before it was away is UncertainLastUsableValue, one that never was
 * BadWaitingForInitialData: silence is never shown as a value.
 */
export class DeviceNode {
  readonly object: ObjectNode;
  readonly #namespace: Namespace;
  readonly #id: string;
  readonly #state: ReadonlyMap<StateName, VariableNode>;
  readonly #readings = new Map<string, Reading>();
  #online: DeviceState["online"] = "unknown";

  constructor(namespace: Namespace, parent: ObjectNode, device: Device) {
    this.#namespace = namespace;
    this.#id = device.id;
    this.object = namespace.addObject({
      browseName: device.id,
      displayName: device.name,
      description: `${device.driver} ${device.dialect}`,
      nodeId: `s=device/${device.id}`,
      componentOf: parent,
      eventSourceOf: parent,
    });
    const entries = Object.entries(stateVariables) as [StateName, DataType][];
    this.#state = new Map(entries.map(([name, type]) => [name, this.#add(name, name, type)]));
    for (const [name, type] of Object.entries(readingVariables)) this.#reading(name, name, type);
    this.#requality();
  }

  state(state: DeviceState): void {
    const { online, since, lastSeen, clockSkewMs, firmware } = state;
    this.#put(
      "Online",
      online === "online",
      online === "unknown" ? StatusCodes.UncertainInitialValue : StatusCodes.Good,
    );
    this.#put("State", online);
    this.#put("Since", new Date(since));
    this.#put("LastSeen", lastSeen === undefined ? undefined : new Date(lastSeen));
    this.#put("ClockSkew", clockSkewMs);
    this.#put("Firmware", firmware);
    if (online === this.#online) return;
    this.#online = online;
    this.#requality();
  }

  health({ received, rejected, perMinute }: DeviceHealth): void {
    this.#put("Received", received);
    this.#put("Rejected", rejected);
    this.#put("MessagesPerMinute", perMinute);
  }

  observe({ kind, body, occurredAt }: Observation): void {
    const at = new Date(occurredAt);
    switch (kind) {
      case "thermal.reading":
        this.#read("Temperature", body.temperatureC, at);
        this.#read("Pressure", body.pressureMpa, at);
        break;
      case "extinguisher.state":
        this.#read("Discharged", body.discharged, at);
        this.#read("LowPressure", body.lowPressure, at);
        this.#read("Tamper", body.tamper, at);
        break;
      case "device.tamper":
        this.#read("Tamper", body.active, at);
        break;
      case "contact.state":
        this.#contact(body.role ?? "contact", body.active, at);
        break;
      default:
        break;
    }
  }

  #contact(role: string, active: boolean, at: Date): void {
    const name = `Contact.${role}`;
    if (!this.#readings.has(name)) {
      if (this.#readings.size >= mostContacts + Object.keys(readingVariables).length) return;
      this.#reading(name, role, DataType.Boolean);
    }
    this.#read(name, active, at);
  }

  #read(name: string, value: Value | undefined, at: Date): void {
    const reading = this.#readings.get(name);
    if (reading === undefined || value === undefined) return;
    reading.value = value;
    reading.at = at;
    reading.node.setValueFromSource({ dataType: reading.type, value }, StatusCodes.Good, at);
  }

  #reading(name: string, browseName: string, type: DataType): void {
    this.#readings.set(name, { node: this.#add(name, browseName, type), type });
  }

  /** The device came or went. */
  #requality(): void {
    for (const { node, type, value, at } of this.#readings.values()) {
      if (value === undefined) node.setValueFromSource(empty(type), this.#qualityOfNothing());
      else if (this.#online === "online")
        node.setValueFromSource({ dataType: type, value }, StatusCodes.UncertainLastUsableValue, at);
      else node.setValueFromSource({ dataType: type, value }, StatusCodes.BadNoCommunication, at);
    }
  }

  #qualityOfNothing(): StatusCode {
    return this.#online === "offline" ? StatusCodes.BadNoCommunication : StatusCodes.BadWaitingForInitialData;
  }

  #put(name: StateName, value: Value | undefined, status: StatusCode = StatusCodes.Good): void {
    const node = this.#state.get(name);
    const dataType = stateVariables[name];
    if (value === undefined) node?.setValueFromSource(empty(dataType), StatusCodes.BadWaitingForInitialData);
    else node?.setValueFromSource({ dataType, value }, status);
  }

  #add(name: string, browseName: string, type: DataType): VariableNode {
    const node = this.#namespace.addVariable({
      browseName,
      nodeId: `s=device/${this.#id}/${name}`,
      componentOf: this.object,
      dataType: DataType[type],
      accessLevel: "CurrentRead",
      userAccessLevel: "CurrentRead",
    });
    node.setValueFromSource(empty(type), StatusCodes.BadWaitingForInitialData);
    return node;
  }
}

/** A value of the type, since a variant has to have one; its status says that it is none. */
function empty(dataType: DataType): { dataType: DataType; value: Value } {
  if (dataType === DataType.Boolean) return { dataType, value: false };
  if (dataType === DataType.String) return { dataType, value: "" };
  return dataType === DataType.DateTime ? { dataType, value: new Date(0) } : { dataType, value: 0 };
}
