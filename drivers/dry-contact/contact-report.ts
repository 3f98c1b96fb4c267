import type { BodyOf, ObservationDraft } from "../../gateway/domain/observation.ts";

type Sensor = BodyOf<"fire.detected">["sensor"];

/**
 * Contacts of detectors, which say fire and by what. The rules read the roles `call-point`, `discharge` and `fire` of the contact
 * itself: to tell fire beside it would tell one press twice.
 */
const fireSensors: Readonly<Record<string, Sensor>> = {
  "smoke-detector": "smoke",
  "heat-detector": "heat",
  "flame-detector": "flame",
};

/** What a contact or relay in this state is told as: itself, and beside it fire where its role says so. */
export function contactDrafts(role: string, active: boolean, occurredAtMs: number): readonly ObservationDraft[] {
  const contact: ObservationDraft = { kind: "contact.state", body: { active, role }, occurredAtMs };
  const sensor = Object.hasOwn(fireSensors, role) ? fireSensors[role] : undefined;
  if (sensor === undefined) return [contact];
  return [contact, { kind: "fire.detected", body: { delivery: "live", active, sensor }, occurredAtMs }];
}

export function faultDraft(code: string, active: boolean, occurredAtMs: number, detail?: string): ObservationDraft {
  return { kind: "device.fault", body: { code, active, ...(detail === undefined ? {} : { detail }) }, occurredAtMs };
}
