import { createHash } from "node:crypto";
import {
  type Actor,
  type Alarm,
  type AlarmSignal,
  type AlarmState,
  type AlarmTransition,
  type Disposition,
  graver,
  type Hold,
  priorityOf,
  type Step,
  surer,
  type Tier,
} from "../domain/alarm.ts";
import { type AlarmId, alarmIdSchema } from "../domain/ids.ts";
import type { NewTransition } from "../ports/logs.ts";

/** The gateway acting by itself. */
export const gatewayActor: Actor = { name: "gateway", via: "gateway" };
const causesKept = 32;

/** The same rule, subject and opening observation give the same id, so a second run of the rules raises nothing twice. */
export function alarmIdOf(rule: string, subject: string, openedBy: string): AlarmId {
  const hash = createHash("sha256").update(`${rule}\n${subject}\n${openedBy}`).digest("hex");
  return alarmIdSchema.parse(hash.slice(0, 32));
}

/** ISA-18.2 / IEC 62682: presence of the condition crossed with the notice taken of it, unless the alarm is held back. */
export function stateOf(alarm: { active: boolean; acknowledged: boolean; hold?: Hold | undefined }): AlarmState {
  if (alarm.hold !== undefined) return alarm.hold.kind;
  return `${alarm.active ? "active" : "returned"}-${alarm.acknowledged ? "acknowledged" : "unacknowledged"}`;
}

type RaiseSignal = Extract<AlarmSignal, { type: "raise" }>;
type CorroborateSignal = Extract<AlarmSignal, { type: "corroborate" }>;
type ClearSignal = Extract<AlarmSignal, { type: "clear" }>;

/** The condition came for the first time. */
export function raise(rule: string, signal: RaiseSignal, at: string): NewTransition {
  const alarm: Alarm = {
    id: alarmIdOf(rule, signal.subject, signal.openedBy),
    rule,
    subject: signal.subject,
    zoneId: signal.zoneId,
    severity: signal.severity,
    certainty: signal.certainty,
    priority: priorityOf(signal.severity, signal.certainty),
    state: "active-unacknowledged",
    active: true,
    acknowledged: false,
    latched: signal.latched ?? false,
    raisedAt: at,
    updatedAt: at,
    count: 1,
    revision: 1,
    causes: boundedCauses([], signal.causes),
    evidence: (signal.evidence ?? []).slice(0, causesKept),
    explanation: signal.explanation,
  };
  return { alarm, transition: transitionOf(alarm, "raised", at) };
}

/**
 * The condition is seen again while the alarm is open: counted, not raised twice. Severity and certainty only grow. A
 * condition that comes back after it had gone needs a person's notice anew. One that got graver or surer than it was when a
 * person put it aside comes back from the shelf: that is not what the person had judged.
 */
export function update(before: Alarm, signal: RaiseSignal, at: string): NewTransition {
  const alarm = before.active ? before : withoutTier(before);
  const severity = graver(alarm.severity, signal.severity);
  const certainty = surer(alarm.certainty, signal.certainty);
  const worse = severity !== alarm.severity || certainty !== alarm.certainty;
  const hold = worse && alarm.hold?.kind === "shelved" ? undefined : alarm.hold;
  const cross = { active: true, acknowledged: alarm.active ? alarm.acknowledged : false, hold };
  return step(alarm, "updated", at, {
    severity,
    certainty,
    priority: priorityOf(severity, certainty),
    ...cross,
    state: stateOf(cross),
    count: alarm.count + 1,
    causes: boundedCauses(alarm.causes, signal.causes),
    evidence: [...new Set([...alarm.evidence, ...(signal.evidence ?? [])])].slice(0, causesKept),
    explanation: signal.explanation,
  });
}

/** Others agree. Nothing to tell where it was as sure before. */
export function corroborate(alarm: Alarm, signal: CorroborateSignal, at: string): NewTransition[] {
  const certainty = surer(alarm.certainty, signal.certainty);
  if (!alarm.active || certainty === alarm.certainty) return [];
  const held = alarm.hold?.kind === "shelved" ? undefined : alarm.hold;
  const { zh, en } = alarm.explanation;
  return [
    step(alarm, "updated", at, {
      certainty,
      priority: priorityOf(alarm.severity, certainty),
      hold: held,
      state: stateOf({ ...alarm, hold: held }),
      causes: boundedCauses(alarm.causes, signal.causes),
      explanation: { zh: `${zh}${signal.explanation.zh}`, en: `${en} ${signal.explanation.en}` },
    }),
  ];
}

/** The condition is gone. Nothing to tell where it was gone before. */
export function returnToNormal(alarm: Alarm, signal: ClearSignal, at: string): NewTransition[] {
  if (!alarm.active) return [];
  const cross = { active: false, acknowledged: alarm.acknowledged, hold: alarm.hold };
  const returned = step(alarm, "returned", at, {
    ...cross,
    state: stateOf(cross),
    ...(signal.explanation === undefined ? {} : { explanation: signal.explanation }),
  });
  return [returned, ...closeIfDone(returned.alarm, at)];
}

/** A person has taken notice. A second notice changes nothing. */
export function acknowledge(alarm: Alarm, by: Actor, at: string, comment?: string): NewTransition[] {
  if (alarm.acknowledged) return [];
  const cross = { active: alarm.active, acknowledged: true, hold: alarm.hold };
  const said = comment === undefined ? {} : { comment };
  const acknowledged = step(
    alarm,
    "acknowledged",
    at,
    { ...cross, state: stateOf(cross), acknowledgedBy: by, ...said },
    by,
  );
  return [acknowledged, ...closeIfDone(acknowledged.alarm, at)];
}

/** It is put aside, or held back; a new hold takes the place of an older one. */
export function hold(alarm: Alarm, held: Hold): NewTransition {
  const name = held.kind === "shelved" ? "shelved" : "suppressed";
  return step(alarm, name, held.since, { hold: held, state: held.kind }, held.by);
}

/** It asks for attention again. Nothing to tell where it was not held. */
export function release(alarm: Alarm, by: Actor, at: string): NewTransition[] {
  if (alarm.hold === undefined) return [];
  const name = alarm.hold.kind === "shelved" ? "unshelved" : "unsuppressed";
  return [step(alarm, name, at, { hold: undefined, state: stateOf({ ...alarm, hold: undefined }) }, by)];
}

/** It goes to the people of a tier, or to the city. Nothing to tell where it went as high before. */
export function escalate(alarm: Alarm, tier: Tier, by: Actor, at: string, detail: string): NewTransition[] {
  if ((alarm.tier ?? 0) >= tier) return [];
  const escalated = step(alarm, "escalated", at, { tier }, by);
  return [{ ...escalated, transition: { ...escalated.transition, comment: detail } }];
}

/** What comes back after it had gone is told from the first tier on. */
function withoutTier({ tier: _, ...alarm }: Alarm): Alarm {
  return alarm;
}

/** The end, by a person, with a verdict. */
export function close(alarm: Alarm, by: Actor, at: string, disposition: Disposition, comment?: string): NewTransition {
  const said = comment === undefined ? {} : { comment };
  const end = { state: "closed", active: false, hold: undefined, closedBy: by, disposition, ...said } as const;
  return step(alarm, "closed", at, end, by);
}

/** Returned and acknowledged is back to normal, unless it is latched: then a person has to look and close it. */
function closeIfDone(alarm: Alarm, at: string): NewTransition[] {
  if (alarm.active || !alarm.acknowledged || alarm.latched) return [];
  return [close(alarm, gatewayActor, at, "true")];
}

type Change = Partial<Omit<Alarm, "hold">> & { readonly hold?: Hold | undefined };

function step(alarm: Alarm, name: Step, at: string, change: Change, by?: Actor): NewTransition {
  const { hold: before, ...unheld } = alarm;
  const { hold: after = "hold" in change ? undefined : before, ...changed } = change;
  const held = after === undefined ? {} : { hold: after };
  const next: Alarm = { ...unheld, ...changed, ...held, updatedAt: at, revision: alarm.revision + 1 };
  return {
    alarm: next,
    transition: transitionOf(next, name, at, by ?? (name === "closed" ? next.closedBy : undefined)),
  };
}

function transitionOf(alarm: Alarm, name: Step, at: string, by?: Actor): AlarmTransition {
  return {
    id: `${alarm.id}-${alarm.revision}`,
    alarmId: alarm.id,
    step: name,
    at,
    rule: alarm.rule,
    subject: alarm.subject,
    zoneId: alarm.zoneId,
    severity: alarm.severity,
    certainty: alarm.certainty,
    priority: alarm.priority,
    state: alarm.state,
    raisedAt: alarm.raisedAt,
    count: alarm.count,
    revision: alarm.revision,
    causes: alarm.causes,
    evidence: alarm.evidence,
    explanation: alarm.explanation,
    ...(by === undefined ? {} : { by }),
    ...(name === "closed" && alarm.disposition !== undefined ? { disposition: alarm.disposition } : {}),
    ...((name === "acknowledged" || name === "closed") && alarm.comment !== undefined
      ? { comment: alarm.comment }
      : {}),
    ...(alarm.hold === undefined ? {} : { hold: alarm.hold }),
    ...(alarm.tier === undefined ? {} : { tier: alarm.tier }),
  };
}

/** The first and the newest stay when there are too many. */
function boundedCauses(old: Alarm["causes"], more: Alarm["causes"]): Alarm["causes"] {
  const all = [...new Set([...old, ...more])];
  const first = all[0];
  if (all.length <= causesKept || first === undefined) return all;
  return [first, ...all.slice(1 - causesKept)];
}
