import { z } from "zod";
import type { BodyOf, Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import { id, numeric, text } from "../facesluice/fields.ts";
import { type Alert, detailOf, flag, isHeartbeat, readAlert, unknownEvent } from "../hikvision/alert.ts";
import type { Fields } from "../hikvision/document.ts";
import type { RecordClock, TimedRecord } from "../hikvision/record-clock.ts";
import type { EventOutcome } from "../hikvision/session.ts";
import { type Meaning, meaningOf } from "./hikvision-codes.ts";

/**
 * AccessControllerEvent. `name`, pictures and all else have no name here and so nowhere to go. `currentVerifyMode` is what the
 * door is set to, not what the person did, hence the method is that of the code.
 */
const eventSchema = z.object({
  majorEventType: numeric,
  subEventType: numeric,
  serialNo: id,
  employeeNoString: text,
  employeeNo: text,
  cardNo: text,
  userType: text,
  mask: text,
  /** False: a record of the past that is sent now. */
  currentEvent: flag,
});
type AccessEvent = z.output<typeof eventSchema>;

export interface TerminalParts {
  readonly clock: RecordClock;
  readonly pseudonym: (personId: string) => string;
  readonly ownId: string | undefined;
}

/** One message of a terminal: one event. */
export class TerminalEvents {
  readonly #parts: TerminalParts;
  /** Which parts of the terminal stand open. */
  readonly #open = new Set<string>();

  constructor(parts: TerminalParts) {
    this.#parts = parts;
  }

  interpret(fields: Fields): EventOutcome {
    const alert = readAlert(fields);
    if (alert === undefined) {
      return { kind: "rejected", reason: "wrong-shape", detail: "expected an object with a text `eventType`" };
    }
    const { ownId, clock } = this.#parts;
    if (ownId !== undefined && alert.deviceId !== undefined && alert.deviceId !== ownId) {
      const detail = `the event names device ${alert.deviceId}, expected ${ownId}`;
      return { kind: "rejected", reason: "foreign-id", detail };
    }
    if (isHeartbeat(alert)) {
      const drafts = clock.heartbeat(alert.time);
      return drafts.length > 0 ? { kind: "observed", drafts } : { kind: "filtered", reason: "heartbeat" };
    }
    if (alert.type !== "accesscontrollerevent") return { kind: "filtered", reason: unknownEvent(alert) };
    if (alert.state === "inactive") return { kind: "filtered", reason: "inactive" };
    return this.#accessEvent(alert);
  }

  #accessEvent(alert: Alert): EventOutcome {
    const parsed = eventSchema.safeParse(detailOf(alert, "AccessControllerEvent"));
    const bad = (detail: string): EventOutcome => ({ kind: "rejected", reason: "bad-access-record", detail });
    if (!parsed.success) return bad("expected an object `AccessControllerEvent`");
    const event = parsed.data;
    const { majorEventType: major, subEventType: sub } = event;
    if (!isCode(major) || !isCode(sub)) return bad("expected the numbers `majorEventType` and `subEventType`");
    const meaning = meaningOf(major, sub);
    if (meaning === undefined) return { kind: "filtered", reason: `event-${major}-${sub}` };
    if (meaning.kind === "tamper" && this.#elsewhere(meaning)) return { kind: "filtered", reason: "tamper-elsewhere" };
    const { clock, pseudonym } = this.#parts;
    const said = event.currentEvent === undefined ? undefined : event.currentEvent ? "live" : "late";
    const timed = clock.record(said, alert.time);
    const dedupKey = keyOf(alert, event, clock);
    const common = {
      ...(timed.occurredAtMs === undefined ? {} : { occurredAtMs: timed.occurredAtMs }),
      ...(event.serialNo === undefined ? {} : { sourceRecordId: event.serialNo }),
      ...(dedupKey === undefined ? {} : { dedupKey }),
    };
    return { kind: "observed", drafts: drafts(meaning, timed, common, () => passage(event, pseudonym)) };
  }

  /** True where it is closed again and another part still stands open. */
  #elsewhere({ active, part }: Extract<Meaning, { kind: "tamper" }>): boolean {
    if (active) this.#open.add(part);
    else this.#open.delete(part);
    return !active && this.#open.size > 0;
  }
}

function isCode(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

type Passage = Omit<BodyOf<"access.granted">, "delivery" | "method">;

/** The employee number, else the card: 0 is no card. Block list only where the terminal says so. */
function passage(
  { employeeNoString, employeeNo, cardNo, userType, mask }: AccessEvent,
  pseudonym: (id: string) => string,
): Passage {
  const given = [employeeNoString, employeeNo, cardNo].find((each) => each !== undefined && !/^0+$/.test(each));
  const worn = mask?.toLowerCase();
  return {
    ...(given === undefined ? {} : { person: pseudonym(given) }),
    ...(userType?.toLowerCase() === "blacklist" ? { personType: "block-list" } : {}),
    ...(worn === "yes" || worn === "no" ? { mask: worn === "yes" } : {}),
  };
}

/**
 * Serial number, time and code: the serial numbers start again when the terminal is reset, but not at the same second. The
 * instant, not its spelling, since push and stream may spell it differently. Else the uuid; without both there is none.
 */
function keyOf(alert: Alert, event: AccessEvent, clock: RecordClock): string | undefined {
  const { serialNo, majorEventType, subEventType } = event;
  const at = clock.instant(alert.time);
  if (serialNo !== undefined && at !== undefined) {
    return ["isapi", serialNo, at, majorEventType, subEventType].join("|");
  }
  return alert.uuid === undefined ? undefined : `isapi|${alert.uuid}`;
}

function drafts(
  meaning: Meaning,
  timed: TimedRecord,
  common: object,
  person: () => Passage,
): readonly ObservationDraft[] {
  return [...timed.faults, draftOf(meaning, timed.delivery, common, person)];
}

function draftOf(meaning: Meaning, delivery: Delivery, common: object, person: () => Passage): ObservationDraft {
  switch (meaning.kind) {
    case "granted":
      return { ...common, kind: "access.granted", body: { delivery, ...person(), method: meaning.method } };
    case "denied": {
      const { reason, method, blockList } = meaning;
      const body = {
        delivery,
        ...person(),
        ...(method === undefined ? {} : { method }),
        ...(blockList === true ? { personType: "block-list" as const } : {}),
        reason,
      };
      return { ...common, kind: "access.denied", body };
    }
    case "duress":
      return { ...common, kind: "access.duress", body: { delivery, ...person() } };
    case "released":
      return { ...common, kind: "door.released", body: { delivery, by: meaning.by } };
    case "door":
      return { ...common, kind: "door.state", body: { delivery, state: meaning.state } };
    case "fire":
      return { ...common, kind: "fire.detected", body: { delivery, active: meaning.active, sensor: meaning.sensor } };
    case "contact":
      return { ...common, kind: "contact.state", body: { active: meaning.active, role: meaning.role } };
    case "tamper":
      return { ...common, kind: "device.tamper", body: { active: meaning.active } };
    case "fault": {
      const { code, active, detail } = meaning;
      return { ...common, kind: "device.fault", body: { code, active, ...(detail === undefined ? {} : { detail }) } };
    }
  }
}
