import { DataType, NodeId, StatusCodes, type Variant } from "node-opcua-client";
import type { Actor, Alarm, Severity } from "../domain/alarm.ts";
import { isGatewayError } from "../domain/errors.ts";
import type { AlarmId } from "../domain/ids.ts";
import type { AlarmDesk } from "../ports/alarms.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AddressSpace, AlarmNode, Namespace, ObjectNode } from "./nodes.ts";
import type { SiteNodes } from "./site-nodes.ts";

/**
 * Conditions in the address space at once, the most urgent first; further alarms are told to the console and the city only. The
 * library takes 20 ms and 150 kB to make one.
 */
const mostConditions = 300;

/** As in OPC UA Part 5 §6.4.2: 1 to 1000, the most urgent is 1000. */
const severityOf: Readonly<Record<Severity, number>> = { critical: 1000, major: 700, minor: 400, warning: 100 };

export interface AlarmNodesOptions {
  readonly addressSpace: AddressSpace;
  readonly nodes: SiteNodes;
  readonly desk: AlarmDesk;
  readonly language: "zh" | "en";
  /** May this person acknowledge and close alarms? */
  readonly mayAct: (name: string) => boolean;
  readonly logger: Logger;
}

interface Shown {
  readonly node: AlarmNode;
  revision: number;
}

interface Waiting {
  readonly alarm: Alarm;
  readonly at: string;
}

/**
 * Each open alarm as a condition (OPC UA Part 9): `alarm/{id}` of OffNormalAlarmType at its device or zone. ActiveState and
 * AckedState are those of the alarm; ConfirmedState is false until it is closed. It is retained while it is open, and its node goes
 * when it closes. Acknowledge and Confirm go to the alarm desk, and are answered when the act is durable.
 */
export class AlarmNodes {
  readonly #options: AlarmNodesOptions;
  readonly #namespace: Namespace;
  readonly #folder: ObjectNode;
  readonly #shown = new Map<AlarmId, Shown>();
  /** Open alarms that have no node yet, as they are now. */
  readonly #waiting = new Map<AlarmId, Waiting>();
  readonly #over: AlarmNode[] = [];
  #busy = false;
  #closed = false;
  #full = false;
  readonly #stop: () => void;

  constructor(options: AlarmNodesOptions) {
    const { addressSpace, nodes, desk } = options;
    this.#options = options;
    this.#namespace = addressSpace.getOwnNamespace();
    this.#folder = this.#namespace.addObject({ browseName: "Alarms", nodeId: "s=alarms", componentOf: nodes.site });
    for (const alarm of desk.open()) this.#see({ alarm, at: alarm.updatedAt });
    this.#stop = desk.onTransitions((batch) => {
      for (const { alarm, transition } of batch) this.#see({ alarm, at: transition.at });
    });
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** Listens on the path of every alarm: what takes time is done later. */
  #see({ alarm, at }: Waiting): void {
    const shown = this.#shown.get(alarm.id);
    if (shown !== undefined) this.#attempt(alarm, () => this.#show(shown, alarm, at));
    else if (alarm.state === "closed") this.#waiting.delete(alarm.id);
    else this.#waiting.set(alarm.id, { alarm, at });
    this.#soon();
  }

  /** One node a turn of the event loop, so that nothing else waits for more than that. */
  #soon(): void {
    if (this.#busy || this.#closed) return;
    const room = this.#shown.size < mostConditions;
    const idle = this.#over.length === 0 && (this.#waiting.size === 0 || !room);
    this.#tellFull(!room);
    if (idle) return;
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      if (this.#closed) return;
      const over = this.#over.shift();
      if (over !== undefined) this.#options.addressSpace.deleteNode(over);
      else this.#showMostUrgent();
      this.#soon();
    });
  }

  #showMostUrgent(): void {
    const [first] = [...this.#waiting.values()].sort((a, b) => a.alarm.priority - b.alarm.priority);
    if (first === undefined) return;
    const { alarm, at } = first;
    this.#waiting.delete(alarm.id);
    this.#attempt(alarm, () => this.#show(this.#add(alarm), alarm, at));
  }

  #attempt(alarm: Alarm, act: () => void): void {
    try {
      act();
    } catch (err) {
      // The alarm is safe in the log, and a listener must not throw.
      this.#options.logger.error({ err, alarmId: alarm.id }, "an alarm could not be shown to OPC UA clients");
    }
  }

  #tellFull(full: boolean): void {
    const told = full && this.#waiting.size > 0;
    if (told && !this.#full) {
      this.#options.logger.warn({ most: mostConditions }, "more open alarms than are shown to OPC UA clients");
    }
    this.#full = told;
  }

  #show(shown: Shown, alarm: Alarm, at: string): void {
    if (shown.revision >= alarm.revision) return;
    const open = alarm.state !== "closed";
    shown.revision = alarm.revision;
    const { node } = shown;
    const branch = node.currentBranch();
    branch.setActiveState(alarm.active);
    branch.setAckedState(alarm.acknowledged || !open);
    branch.setConfirmedStateIfExists(!open);
    if (alarm.comment !== undefined) branch.setComment(alarm.comment);
    const actor = alarm.closedBy ?? alarm.acknowledgedBy;
    if (actor !== undefined) branch.setClientUserId(actor.name);
    const { language } = this.#options;
    node.raiseNewCondition({
      message: { locale: language === "zh" ? "zh-CN" : "en", text: alarm.explanation[language] },
      severity: severityOf[alarm.severity],
      quality: alarm.certainty === "possible" ? StatusCodes.Uncertain : StatusCodes.Good,
      retain: open,
      time: new Date(at),
    });
    if (open) return;
    this.#shown.delete(alarm.id);
    this.#over.push(node);
  }

  #add(alarm: Alarm): Shown {
    const { nodes } = this.#options;
    const [device = ""] = alarm.subject.split("/");
    const source = nodes.device(device)?.object ?? nodes.zone(alarm.zoneId) ?? nodes.site;
    const node = this.#namespace.instantiateOffNormalAlarm({
      browseName: `${alarm.rule} ${alarm.subject}`,
      nodeId: `s=alarm/${alarm.id}`,
      componentOf: this.#folder,
      conditionSource: source,
      conditionName: alarm.rule,
      optionals: ["ConfirmedState", "Confirm"],
      // The rule weighs many observations: there is no one variable from which the alarm follows (Part 9 §5.8.2).
      inputNode: NodeId.nullNodeId,
      normalState: NodeId.nullNodeId,
    });
    const { id } = alarm;
    node.acknowledge.bindMethod((args, context, callback) =>
      callback(null, { statusCode: this.#acknowledge(id, args, context.getUserName()) }),
    );
    node.confirm?.bindMethod((args, context, callback) =>
      callback(null, { statusCode: this.#confirm(id, args, context.getUserName()) }),
    );
    const shown = { node, revision: 0 };
    this.#shown.set(id, shown);
    return shown;
  }

  #acknowledge(id: AlarmId, args: readonly Variant[], user: string) {
    const alarm = this.#options.desk.get(id);
    if (alarm?.acknowledged === true) return StatusCodes.BadConditionBranchAlreadyAcked;
    return this.#act(id, args, user, (by, comment) => this.#options.desk.acknowledge(id, by, comment));
  }

  /** What was dealt with: closes an alarm that is acknowledged and whose condition is gone, as a true one. */
  #confirm(id: AlarmId, args: readonly Variant[], user: string) {
    const alarm = this.#options.desk.get(id);
    if (alarm === undefined || alarm.active || !alarm.acknowledged) return StatusCodes.BadInvalidState;
    return this.#act(id, args, user, (by, comment) => this.#options.desk.close(id, by, "true", comment));
  }

  /** Good only when it is durable. The EventId has to be that of the newest state: nobody acknowledges what he has not seen (§5.7.3). */
  #act(id: AlarmId, [eventId, comment]: readonly Variant[], user: string, act: (by: Actor, comment?: string) => Alarm) {
    const { mayAct, logger } = this.#options;
    const node = this.#shown.get(id)?.node;
    if (node === undefined) return StatusCodes.BadNodeIdUnknown;
    if (!mayAct(user)) return StatusCodes.BadUserAccessDenied;
    const given: unknown = eventId?.dataType === DataType.ByteString ? eventId.value : undefined;
    if (!(given instanceof Uint8Array) || !node.currentBranch().getEventId().equals(given))
      return StatusCodes.BadEventIdUnknown;
    const said: unknown = comment?.dataType === DataType.LocalizedText ? comment.value?.text : undefined;
    const text = typeof said === "string" && said.trim() !== "" ? said.trim().slice(0, 2000) : undefined;
    try {
      act({ name: user, via: "opcua" }, text);
      return StatusCodes.Good;
    } catch (err) {
      if (isGatewayError(err, "ALARM_CLOSED") || isGatewayError(err, "ALARM_UNKNOWN"))
        return StatusCodes.BadNodeIdUnknown;
      logger.error({ err, alarmId: id }, "an act of an OPC UA client could not be carried out");
      return StatusCodes.BadResourceUnavailable;
    }
  }
}
