import type { z } from "zod";
import type { BodyOf, Delivery, frameSchema, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { ViewProfile } from "./view-profile.ts";

export type Frame = z.infer<typeof frameSchema>;

/** A throw as a camera's dialect tells it, in the camera's own coordinates. */
export interface ThrowReport {
  readonly delivery: Delivery;
  /** Epoch ms. */
  readonly occurredAtMs?: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** 0–1. */
  readonly confidence?: number;
  /** Needed for `box` and `track`. */
  readonly frame?: Frame;
  /** Corners in the frame's own unit and direction. */
  readonly box?: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** Points in the frame's own unit, with epoch ms. */
  readonly track?: readonly { readonly atMs: number; readonly x: number; readonly y: number }[];
  /** What the camera itself says of the place. */
  readonly place?: { readonly building?: string; readonly unit?: string; readonly floor?: number };
  /** Name or number of the camera's own rule or region, by which a profile may place it. */
  readonly region?: string;
  readonly sourceRecordId?: string;
  readonly dedupKey?: string;
}

/** The observation of a throw: coordinates as fractions, and located as far as the camera's view profile allows. */
export function throwDraft(report: ThrowReport, _view: ViewProfile | undefined): ObservationDraft {
  const { delivery, occurredAtMs, startedAtMs, endedAtMs, confidence, sourceRecordId, dedupKey } = report;
  const body: BodyOf<"throw.detected"> = {
    delivery,
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
    ...(confidence === undefined ? {} : { confidence }),
  };
  return {
    kind: "throw.detected",
    body,
    ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
    ...(sourceRecordId === undefined ? {} : { sourceRecordId }),
    ...(dedupKey === undefined ? {} : { dedupKey }),
  };
}
