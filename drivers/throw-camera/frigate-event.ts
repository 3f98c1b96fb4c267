import { openJson } from "../json-events/payload.ts";
import { memberOf } from "../json-events/pointer.ts";
import { asNumber, asText } from "../json-events/values.ts";

/** A point of a track as Frigate writes it: where the object's lower edge was, as fractions of the picture, and when. */
export interface FrigatePoint {
  readonly x: number;
  readonly y: number;
  readonly atMs: number;
}

/** One message of `frigate/events`: a tracked object as it stands after a change. Times are epoch ms by Frigate's clock. */
export interface FrigateEvent {
  readonly type: "new" | "update" | "end";
  readonly id: string;
  readonly camera: string;
  readonly label: string;
  /** The best score so far, the one that Frigate itself compares with its threshold; 0–1. */
  readonly score: number;
  readonly falsePositive: boolean;
  readonly startMs: number;
  readonly endMs: number | undefined;
  readonly frameMs: number | undefined;
  readonly zones: readonly string[];
  /** Corners in pixels of the stream that Frigate detects on. */
  readonly box: readonly [number, number, number, number] | undefined;
  readonly path: readonly FrigatePoint[];
}

export type Parsed =
  | { readonly ok: true; readonly event: FrigateEvent }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

const wrong = (detail: string): Parsed => ({ ok: false, reason: "wrong-shape", detail });

/** docs.frigate.video/integrations/mqtt, `frigate/events`: `after` is the object now, `before` what the last message said. */
export function parseFrigateEvent(payload: Uint8Array): Parsed {
  const opened = openJson(payload);
  if (!opened.ok) return opened;
  const after = objectOf(opened.value, "after");
  const type = kindOf(objectMember(opened.value, "type"));
  if (after === undefined || type === undefined) return wrong("expected type new, update or end, and after");
  const id = idOf(memberOf(after, "id"));
  const camera = asText(memberOf(after, "camera"));
  const label = asText(memberOf(after, "label"));
  const startMs = msOf(memberOf(after, "start_time"));
  if (id === undefined || camera === undefined || label === undefined || startMs === undefined) {
    return wrong("expected id, camera, label and start_time in after");
  }
  const event: FrigateEvent = {
    type,
    id,
    camera,
    label,
    score: asNumber(memberOf(after, "top_score")) ?? asNumber(memberOf(after, "score")) ?? 0,
    falsePositive: memberOf(after, "false_positive") === true,
    startMs,
    endMs: msOf(memberOf(after, "end_time")),
    frameMs: msOf(memberOf(after, "frame_time")),
    zones: textsOf(memberOf(after, "entered_zones")),
    box: boxOf(memberOf(after, "box")),
    path: pathOf(memberOf(after, "path_data")),
  };
  return { ok: true, event };
}

function kindOf(value: unknown): FrigateEvent["type"] | undefined {
  return value === "new" || value === "update" || value === "end" ? value : undefined;
}

/** `1607123955.475377-mxklsc`: start time and six random letters. */
function idOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(value) ? value : undefined;
}

function objectMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? memberOf(value, name) : undefined;
}

function objectOf(value: unknown, name: string): object | undefined {
  const member = objectMember(value, name);
  return typeof member === "object" && member !== null && !Array.isArray(member) ? member : undefined;
}

const latestMs = Date.UTC(3000, 0, 1);

function msOf(value: unknown): number | undefined {
  const seconds = asNumber(value);
  return seconds !== undefined && seconds > 0 && seconds * 1000 < latestMs ? Math.floor(seconds * 1000) : undefined;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.slice(0, 64).flatMap((each) => asText(each) ?? []) : [];
}

function boxOf(value: unknown): FrigateEvent["box"] {
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [x1, y1, x2, y2] = value.map(asNumber);
  return x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined ? undefined : [x1, y1, x2, y2];
}

/** More than a throw can have: a point a twentieth of the picture apart, or each frame. */
const mostPoints = 2048;

/** `[[[0.31, 0.60], 1607123955.5], …]`, as frigate/track/tracked_object.py writes it. */
function pathOf(value: unknown): FrigatePoint[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, mostPoints).flatMap((entry: unknown): FrigatePoint[] => {
    if (!Array.isArray(entry) || !Array.isArray(entry[0])) return [];
    const x = asNumber(entry[0][0]);
    const y = asNumber(entry[0][1]);
    const atMs = msOf(entry[1]);
    return x === undefined || y === undefined || atMs === undefined ? [] : [{ x, y, atMs }];
  });
}

/** How many pictures a second Frigate gets from a camera, by its `stats`; undefined where they do not name it. */
export function cameraFps(payload: Uint8Array, camera: string): number | undefined {
  const opened = openJson(payload);
  if (!opened.ok) return undefined;
  // Before 0.13 the cameras stood at the top.
  const cameras = objectOf(opened.value, "cameras") ?? opened.value;
  const stats = objectOf(cameras, camera);
  return stats === undefined ? undefined : asNumber(memberOf(stats, "camera_fps"));
}
