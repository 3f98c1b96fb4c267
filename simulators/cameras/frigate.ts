import { between, type Random, seeded } from "../random.ts";
import type { Thing } from "../throw-camera/falling.ts";
import { type Facade, type Sight, sights } from "./body.ts";
import { CameraLink, type LinkOptions } from "./link.ts";

export interface FrigateOptions extends Omit<LinkOptions, "clientId" | "onConnect" | "will"> {
  readonly topicPrefix?: string;
  readonly cameras: readonly string[];
  /** Label of the user's own model for a thrown object. */
  readonly label?: string;
  readonly facade?: Facade;
  readonly fps?: number;
  readonly statsEveryMs?: number;
  /** Frames after the last sight until an object counts as gone (max_disappeared). */
  readonly maxDisappeared?: number;
}

/** A Frigate that analyses several cameras: one MQTT client, a life cycle for each tracked object, and its statistics. */
export class Frigate {
  readonly link: CameraLink;
  readonly #options: FrigateOptions;
  readonly #random: Random;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #prefix: string;
  /** Cameras from which no pictures come. */
  readonly blind = new Set<string>();

  constructor(options: FrigateOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? 5);
    this.#prefix = options.topicPrefix ?? "frigate";
    this.link = new CameraLink({
      ...options,
      clientId: "frigate",
      will: { topic: `${this.#prefix}/available`, payload: "offline" },
      onConnect: () => {
        for (const camera of options.cameras) this.link.publish(`${this.#prefix}/${camera}/detect/state`, "ON", true);
        this.link.publish(`${this.#prefix}/available`, "online", true);
        this.#stats();
      },
    });
  }

  /** A thing falls before a camera: new after three frames, updates, and an end when it has not been seen for a while. */
  watch(camera: string, thing: Thing, floor: number): string | undefined {
    const {
      fps = 10,
      maxDisappeared = 25,
      label = "thrown",
      facade = { width: 1280, height: 720, metres: 60 },
    } = this.#options;
    const seen = sights(thing, floor, facade, fps, between(this.#random, 0.2, 0.8));
    const begun = this.link.now();
    const third = seen[2];
    const last = seen.at(-1);
    if (third === undefined || last === undefined) return undefined;
    const id = this.#id(begun);
    const tell = (type: "new" | "update" | "end", upTo: Sight) => {
      const path = pathOf(
        seen.filter(({ ms }) => ms <= upTo.ms),
        begun,
        facade,
      );
      const after = this.#object({ id, camera, label, begun, at: upTo, path, ended: type === "end" });
      this.link.publish(`${this.#prefix}/events`, JSON.stringify({ before: after, after, type }));
    };
    this.#later(third.ms, () => tell("new", third));
    for (const sight of seen.filter((_, index) => index > 2 && index % 5 === 0))
      this.#later(sight.ms, () => tell("update", sight));
    this.#later(last.ms + (maxDisappeared * 1000) / fps, () => tell("end", last));
    return id;
  }

  rest(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #object(of: {
    id: string;
    camera: string;
    label: string;
    begun: number;
    at: Sight;
    path: readonly unknown[];
    ended: boolean;
  }): object {
    const [x1, y1, x2, y2] = of.at.box;
    return {
      id: of.id,
      camera: of.camera,
      frame_time: (of.begun + of.at.ms) / 1000,
      snapshot: null,
      label: of.label,
      sub_label: null,
      top_score: 0.83984375,
      false_positive: false,
      start_time: of.begun / 1000,
      end_time: of.ended ? (of.begun + of.at.ms) / 1000 : null,
      score: 0.78125,
      box: [x1, y1, x2, y2],
      area: (x2 - x1) * (y2 - y1),
      ratio: 1,
      region: [Math.max(0, x1 - 160), Math.max(0, y1 - 160), x1 + 160, y1 + 160],
      active: true,
      stationary: false,
      motionless_count: 0,
      position_changes: 0,
      current_zones: [],
      entered_zones: [],
      has_clip: false,
      has_snapshot: false,
      attributes: {},
      current_attributes: [],
      path_data: of.path,
    };
  }

  #stats(): void {
    const { cameras, fps = 10, statsEveryMs = 60_000 } = this.#options;
    const of = (camera: string) => ({ camera_fps: this.blind.has(camera) ? 0 : fps, process_fps: fps, skipped_fps: 0 });
    const stats = { cameras: Object.fromEntries(cameras.map((camera) => [camera, of(camera)])), detectors: {} };
    this.link.publish(`${this.#prefix}/stats`, JSON.stringify(stats));
    this.#later(statsEveryMs, () => {
      if (this.link.connected) this.#stats();
    });
  }

  #id(begun: number): string {
    const letters = Array.from({ length: 6 }, () => Math.floor(this.#random() * 36).toString(36)).join("");
    return `${begun / 1000}-${letters}`;
  }

  #later(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }
}

/** The lower edge's middle, as fractions; a point only where the thing has moved by a twentieth of the picture, as Frigate keeps it. */
function pathOf(seen: readonly Sight[], begun: number, { width, height }: Facade): unknown[] {
  const far = (0.05 * Math.hypot(width, height)) / Math.max(width, height);
  const points: [[number, number], number][] = [];
  for (const { ms, box } of seen) {
    const point: [number, number] = [
      Number(((box[0] + box[2]) / 2 / width).toFixed(4)),
      Number((box[3] / height).toFixed(4)),
    ];
    const before = points.at(-1)?.[0];
    const moved = before === undefined ? far : Math.hypot(point[0] - before[0], point[1] - before[1]);
    if (moved >= far || points.length === 1) points.push([point, (begun + ms) / 1000]);
  }
  return points;
}
