import type { Frame, ThrowReport } from "../throw-view/throw-report.ts";
import { type DeviceEvent, readPath } from "./event.ts";
import type { ThrowRule } from "./event-rules.ts";
import { memberOf } from "./pointer.ts";
import { asNumber } from "./values.ts";

/** ONVIF Analytics, Spatial Relation: the picture from −1 to 1 in both directions, y upwards. */
const onvifFrame: Frame = { width: 2, height: 2, unit: "onvif" };

/** The box of an event in its frame; nothing where it is not there or not four numbers. */
export function boxOf(event: DeviceEvent, rule: ThrowRule): Pick<ThrowReport, "box" | "frame"> {
  if (rule.box === undefined) return {};
  const frame = rule.frame ?? onvifFrame;
  const paths = rule.box;
  const found = typeof paths === "string" ? sides(readPath(event, paths)) : paths.map((path) => readPath(event, path));
  const [x1, y1, x2, y2] = found.map(asNumber);
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return {};
  if (rule.transformation === undefined) return { box: { x1, y1, x2, y2 }, frame };
  const move = transformation(readPath(event, rule.transformation));
  if (move === undefined) return {};
  return { box: { x1: move.x(x1), y1: move.y(y1), x2: move.x(x2), y2: move.y(y2) }, frame };
}

/** tt:Rectangle has attributes left, top, right, bottom; in JSON they begin with @. */
function sides(element: unknown): unknown[] {
  if (typeof element !== "object" || element === null) return [];
  return ["left", "top", "right", "bottom"].map((name) => attribute(element, name));
}

function attribute(element: object, name: string): unknown {
  return memberOf(element, `@${name}`) ?? memberOf(element, name);
}

interface Move {
  readonly x: (x: number) => number;
  readonly y: (y: number) => number;
}

/** tt:Transformation (ONVIF Analytics, Spatial Relation): first scaled, then moved. */
function transformation(element: unknown): Move | undefined {
  if (typeof element !== "object" || element === null) return undefined;
  const scale = pair(memberOf(element, "Scale"), 1);
  const by = pair(memberOf(element, "Translate"), 0);
  if (scale === undefined || by === undefined) return undefined;
  return { x: (x) => x * scale.x + by.x, y: (y) => y * scale.y + by.y };
}

function pair(element: unknown, fallback: number): { x: number; y: number } | undefined {
  if (element === undefined) return { x: fallback, y: fallback };
  if (typeof element !== "object" || element === null) return undefined;
  const x = asNumber(attribute(element, "x"));
  const y = asNumber(attribute(element, "y"));
  return x === undefined || y === undefined ? undefined : { x, y };
}
