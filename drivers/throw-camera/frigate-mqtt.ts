import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import { EventClock } from "../json-events/event-clock.ts";
import { sessionUntil } from "../json-events/session.ts";
import { viewOf } from "../json-events/view.ts";
import { throwDraft } from "../throw-view/throw-report.ts";
import type { ViewProfile } from "../throw-view/view-profile.ts";
import { cameraFps, type FrigateEvent, parseFrigateEvent } from "./frigate-event.ts";
import type { FrigateOptions } from "./frigate-options.ts";

/** One camera of a Frigate that analyses many; each session hears all of them. */
export function open(context: DriverContext<FrigateOptions>): DeviceSession {
  const { mqtt, signal } = context;
  if (mqtt === undefined) throw new TypeError("frigate-mqtt was opened without the embedded broker");
  const camera = new FrigateCamera(context);
  mqtt.onConnection((connected) => {
    if (connected) camera.connected();
  });
  mqtt.serve(async (message) => {
    if (signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    return camera.handle(message);
  });
  return sessionUntil(signal);
}

interface Reported {
  /** Log time. */
  readonly atMs: number;
  readonly points: number;
  readonly delivery: Delivery;
}

/** Objects that are followed at a time; Frigate ends each of them. */
const mostTracked = 256;
/** A second report within this time of the first is the same throw to the rule that collects them, hence may be live. */
const sameThrowMs = 10_000;

class FrigateCamera {
  readonly #context: DriverContext<FrigateOptions>;
  readonly #clock: EventClock;
  readonly #view: ViewProfile | undefined;
  readonly #reported = new Map<string, Reported>();

  constructor(context: DriverContext<FrigateOptions>) {
    this.#context = context;
    this.#view = viewOf(context.profile);
    this.#clock = new EventClock(context.clock, context.options.lateAfter);
  }

  connected(): void {
    this.#clock.connected();
  }

  handle({ topic, payload, will, retained }: MqttMessage): Promise<void> | void {
    const { topicPrefix, camera } = this.#context.options;
    const below = topic.startsWith(`${topicPrefix}/`) ? topic.slice(topicPrefix.length + 1) : "";
    if (will || (below === "available" && textOf(payload) === "offline")) {
      this.#context.gone(will ? "last-will" : "said-so");
      return this.#context.filtered(will ? "last-will" : "offline");
    }
    switch (below) {
      case "events":
        return this.#event(topic, payload, retained);
      case "available":
        return this.#context.filtered("online");
      case "stats":
        return this.#stats(payload);
      case `${camera}/status/detect`:
        return this.#status(textOf(payload));
      default:
        return this.#context.filtered("not-an-event");
    }
  }

  #event(topic: string, payload: Uint8Array, retained: boolean): Promise<void> | void {
    const parsed = parseFrigateEvent(payload);
    if (!parsed.ok) {
      const { reason, detail } = parsed;
      return this.#context.reject({ reason, detail, source: topic, bytes: payload.byteLength });
    }
    const { event } = parsed;
    if (event.camera !== this.#context.options.camera) return this.#context.filtered("other-camera");
    this.#context.seen();
    const before = this.#reported.get(event.id);
    if (event.type === "end") this.#reported.delete(event.id);
    if (before !== undefined) {
      const completes = event.type === "end" && event.path.length > Math.max(2, before.points);
      return completes ? this.#complete(event, before) : this.#context.filtered("update");
    }
    const unfit = this.#unfit(event);
    if (unfit !== undefined) return this.#context.filtered(unfit);
    return this.#report(event, retained);
  }

  #unfit({ label, falsePositive, score, zones }: FrigateEvent): string | undefined {
    const { labels, minScore, zones: wanted } = this.#context.options;
    if (!labels.includes(label)) return "other-label";
    if (falsePositive) return "false-positive";
    if (score < minScore) return "low-score";
    return wanted !== undefined && !zones.some((zone) => wanted.includes(zone)) ? "outside-zones" : undefined;
  }

  /** The first message that meets the conditions is the observation: nobody waits for the object to be gone. */
  async #report(event: FrigateEvent, retained: boolean): Promise<void> {
    const { options } = this.#context;
    const judged = this.#clock.judge(event.frameMs, retained);
    // By its own clock the object was there long before: it was followed while we were away.
    const old = event.frameMs !== undefined && event.frameMs - event.startMs > options.lateAfter;
    if (judged.clockSkewMs !== undefined) this.#context.seen({ clockSkewMs: judged.clockSkewMs });
    const delivery = old ? "late" : judged.delivery;
    if (event.type !== "end") this.#remember(event, delivery);
    const begun = judged.occurredAtMs === undefined ? undefined : event.startMs;
    try {
      await this.#context.observe([this.#draft(event, delivery, begun, "seen")]);
    } catch (cause) {
      // The next message of the object is then its first.
      this.#reported.delete(event.id);
      throw cause;
    }
  }

  /** What the end adds is the whole track. It is a report of its own, since an observation never changes. */
  #complete(event: FrigateEvent, before: Reported): Promise<void> {
    const soon = this.#context.clock.now() - before.atMs <= sameThrowMs;
    const delivery = soon ? before.delivery : "late";
    const { occurredAtMs } = this.#clock.judge(event.frameMs, true);
    const begun = occurredAtMs === undefined ? undefined : event.startMs;
    return this.#context.observe([this.#draft(event, delivery, begun, "end")]);
  }

  #remember(event: FrigateEvent, delivery: Delivery): void {
    this.#reported.set(event.id, { atMs: this.#context.clock.now(), points: event.path.length, delivery });
    const [oldest] = this.#reported.keys();
    if (this.#reported.size > mostTracked && oldest !== undefined) this.#reported.delete(oldest);
  }

  #draft(event: FrigateEvent, delivery: Delivery, begunMs: number | undefined, part: string): ObservationDraft {
    const { options } = this.#context;
    const { box, endMs, id, path, score } = event;
    const { width, height } = options.detect ?? { width: 1, height: 1 };
    const inPixels = options.detect !== undefined;
    return throwDraft(
      {
        delivery,
        frame: { width, height, unit: inPixels ? "px" : "fraction" },
        confidence: score,
        sourceRecordId: id,
        dedupKey: `${id}|${part}`,
        ...(begunMs === undefined ? {} : { occurredAtMs: begunMs, startedAtMs: begunMs }),
        ...(begunMs === undefined || endMs === undefined ? {} : { endedAtMs: endMs }),
        ...(box === undefined || !inPixels ? {} : { box: { x1: box[0], y1: box[1], x2: box[2], y2: box[3] } }),
        ...(path.length < 2 ? {} : { track: path.map(({ x, y, atMs }) => ({ atMs, x: x * width, y: y * height })) }),
        ...(event.zones[0] === undefined ? {} : { region: event.zones[0] }),
      },
      this.#view,
    );
  }

  /** Frigate alone knows whether it still gets pictures. */
  #stats(payload: Uint8Array): void {
    const fps = cameraFps(payload, this.#context.options.camera);
    if (fps !== undefined && fps > 0) this.#context.seen();
    else if (fps === 0) this.#context.gone("link-lost");
    this.#context.filtered("stats");
  }

  /** A camera that cannot be reached alternates between the two, hence it is given its time to come back. */
  #status(status: string): void {
    if (status === "online") this.#context.seen();
    else if (status === "offline") this.#context.gone("link-lost");
    else if (status === "disabled") this.#context.gone("said-so");
    this.#context.filtered("status");
  }
}

function textOf(payload: Uint8Array): string {
  return payload.byteLength > 64 ? "" : Buffer.from(payload).toString("utf8").trim().toLowerCase();
}
