import { z } from "zod";
import type { BodyOf, ObservationDraft } from "../../gateway/domain/observation.ts";
import { id, numeric, text } from "../facesluice/fields.ts";
import { flag } from "../hikvision/alert.ts";

/**
 * One notification. Pictures (`Picture`, `AlarmInfo.image`) have no name here and so nowhere to go. OccurFlag is text; "false"
 * ends what "true" began. DeviceID is the serial number.
 */
const notificationSchema = z.object({
  AlarmType: text,
  AlarmSubType: text,
  TimeStamp: numeric,
  LocalTime: text,
  OccurFlag: flag,
  DeviceID: id,
});

export interface Notification {
  readonly type: string;
  readonly subType: string;
  /** Epoch ms by the camera's clock. */
  readonly at: number | undefined;
  /** By the camera's wall, without a zone. */
  readonly localTime: string | undefined;
  readonly occurs: boolean;
  readonly deviceId: string;
  /** The same for every delivery of it; undefined where it has no time. */
  readonly dedupKey: string | undefined;
}

export type ReadNotification =
  | { readonly ok: true; readonly notification: Notification }
  | { readonly ok: false; readonly detail: string };

export function readNotification(fields: unknown): ReadNotification {
  const parsed = notificationSchema.safeParse(fields);
  const missing = (what: string): ReadNotification => ({ ok: false, detail: `expected ${what}` });
  if (!parsed.success) return missing("an object");
  const { AlarmType: type, AlarmSubType: subType, TimeStamp, LocalTime: localTime, OccurFlag, DeviceID } = parsed.data;
  if (type === undefined || subType === undefined) return missing("the texts `AlarmType` and `AlarmSubType`");
  if (DeviceID === undefined) return missing("a `DeviceID`");
  if (OccurFlag === undefined) return missing('`OccurFlag` "true" or "false"');
  const seconds = TimeStamp !== undefined && TimeStamp > 0 && TimeStamp < 1e11 ? TimeStamp : undefined;
  const when = seconds ?? (localTime !== undefined && /^[\d :/T.-]{1,32}$/.test(localTime) ? localTime : undefined);
  const name = /^\w{1,64}$/.test(subType) ? subType : undefined;
  return {
    ok: true,
    notification: {
      type,
      subType,
      at: seconds === undefined ? undefined : Math.round(seconds * 1000),
      localTime,
      occurs: OccurFlag,
      deviceId: DeviceID,
      dedupKey:
        when === undefined || name === undefined ? undefined : ["hapi", DeviceID, name, when, OccurFlag].join("|"),
    },
  };
}

export type HapiMeaning =
  | { readonly kind: "throw" }
  | { readonly kind: "draft"; readonly draft: Fact }
  | { readonly kind: "filtered"; readonly reason: string };
type Fact = Extract<ObservationDraft, { kind: "fire.detected" | "contact.state" | "device.tamper" }>;

/**
 * What the firmware's table of alarms (`g_Defined_AlarmType`) has and a community's safety needs. Known and left out: faces,
 * people, vehicles, number plates, lines and regions, sound; the temperature alarms, since nothing public says what they measure.
 */
export function meaningOfNotification({ type, subType, occurs: active }: Notification): HapiMeaning {
  if (type === "ObjectDetect" && subType === "FallingObjectsDetectionAlarm") {
    // It ends a second report of the same throw; that began with "true".
    return active ? { kind: "throw" } : { kind: "filtered", reason: "ended" };
  }
  // FireAlarm is wired; FumesAlarm and FlameAndFumesAlarm are declared beside it.
  if (type === "FireDetect") {
    const body: BodyOf<"fire.detected"> = { delivery: "live", active, sensor: "camera" };
    return { kind: "draft", draft: { kind: "fire.detected", body } };
  }
  if (type === "IOInputDetect" && subType === "InputAlarm") {
    return { kind: "draft", draft: { kind: "contact.state", body: { active, role: "camera-input" } } };
  }
  // Somebody covers the lens.
  if (type === "MaskDetect") return { kind: "draft", draft: { kind: "device.tamper", body: { active } } };
  return { kind: "filtered", reason: /^[A-Za-z]{1,40}$/.test(subType) ? `event-${subType}` : "event-other" };
}
