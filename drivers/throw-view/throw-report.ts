import type { BodyOf, Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import { boxOf, isInstant, type Seen, trackOf } from "./fractions.ts";
import { locate } from "./locate.ts";
import type { ViewProfile } from "./view-profile.ts";

export type { Frame } from "./fractions.ts";

/** A throw as a camera's dialect tells it, in the camera's own coordinates. */
export interface ThrowReport extends Seen {
  readonly delivery: Delivery;
  /** Epoch ms. */
  readonly occurredAtMs?: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** 0–1. */
  readonly confidence?: number;
  /** What the camera itself says of the place. */
  readonly place?: { readonly building?: string; readonly unit?: string; readonly floor?: number };
  /** Name or number of the camera's own rule or region, by which a profile may place it. */
  readonly region?: string;
  readonly sourceRecordId?: string;
  readonly dedupKey?: string;
}

/**
 * The observation of a throw: coordinates as fractions, and located as far as the camera's view profile allows. What cannot be
 * so is left out, never corrected: a box outside of the picture, a confidence of 255, a time that is none.
 */
export function throwDraft(report: ThrowReport, view: ViewProfile | undefined): ObservationDraft {
  const { delivery, sourceRecordId, dedupKey } = report;
  const startedAt = instant(report.startedAtMs);
  const endedAt = instant(report.endedAtMs);
  const confidence = fraction(report.confidence);
  const box = boxOf(report);
  const track = trackOf(report);
  const origin = locate({ box, track, place: report.place, region: report.region }, view);
  const body: BodyOf<"throw.detected"> = {
    delivery,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(box === undefined ? {} : { box }),
    ...(track === undefined ? {} : { track }),
    ...(origin === undefined ? {} : { origin }),
  };
  return {
    kind: "throw.detected",
    body,
    ...(instant(report.occurredAtMs) === undefined ? {} : { occurredAtMs: report.occurredAtMs }),
    ...(sourceRecordId === undefined || sourceRecordId === "" ? {} : { sourceRecordId }),
    ...(dedupKey === undefined || dedupKey === "" ? {} : { dedupKey }),
  };
}

/** ISO 8601; absent for what is no time of the years 1970 to 9999. */
function instant(ms: number | undefined): string | undefined {
  return ms !== undefined && isInstant(ms) ? new Date(ms).toISOString() : undefined;
}

function fraction(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
}
