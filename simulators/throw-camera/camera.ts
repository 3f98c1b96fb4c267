import { jpegDataUrl } from "../facesluice/picture.ts";
import { FacesluiceStation, type StationOptions } from "../facesluice/station.ts";
import { between, seeded } from "../random.ts";
import { seenDuring, type Thing, type View } from "./falling.ts";

export interface ThrowCameraOptions extends StationOptions {
  readonly view?: View | undefined;
  /** Whether a push carries SnapOrRecordID; the public texts disagree. Without it a push is sent once, unacknowledged. */
  readonly withRecordId?: boolean | undefined;
  readonly pictureBytes?: number | undefined;
  readonly seed?: number | undefined;
  readonly firstSnapId?: number;
}

export interface Throw {
  /** When the thing left the hand, true time, ms. */
  readonly releasedAtMs: number;
  readonly floor: number;
  readonly thing: Thing;
  /** How many reports the camera's software makes of the one track. */
  readonly reports?: number;
}

/** What fools such cameras, with how long each stays in view, s. */
const deceptions = {
  bird: [0.8, 2.5],
  insect: [0.1, 0.4],
  leaf: [6, 20],
  rain: [0.5, 1.5],
  laundry: [3, 8],
  reflection: [0, 0.1],
} as const;
export type Deception = keyof typeof deceptions;

/** A high-altitude-throw camera of the same family: ParabolicSnapPush on the Snap topic. */
export class ThrowCamera {
  readonly station: FacesluiceStation;
  readonly #options: ThrowCameraOptions;
  readonly #random: () => number;
  readonly #pending = new Set<NodeJS.Timeout>();
  #nextSnapId: number;

  constructor(options: ThrowCameraOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? 7);
    this.#nextSnapId = options.firstSnapId ?? 1;
    this.station = new FacesluiceStation(options);
  }

  /** Follows a throw and reports it once it is over; false when it falls outside the view. */
  watch(fall: Throw): boolean {
    const seen = seenDuring(fall.floor, fall.thing, this.#options.view ?? { fromM: 0, toM: 60 });
    if (seen === undefined) return false;
    const startMs = fall.releasedAtMs + seen.from * 1000;
    const endMs = fall.releasedAtMs + seen.to * 1000;
    for (let report = 0; report < (fall.reports ?? 1); report++) {
      // A second report of the same track follows when the software has cut its clip.
      const afterMs = between(this.#random, 300, 900) + report * 1500;
      this.#later(endMs + afterMs - Date.now(), () => this.report(startMs, endMs));
    }
    return true;
  }

  /** Mistakes something for a throw. */
  mistake(cause: Deception): void {
    const [low, high] = deceptions[cause];
    const lasts = between(this.#random, low, high) * 1000;
    const startMs = Date.now();
    this.#later(lasts + 500, () => this.report(startMs, startMs + lasts));
  }

  /** One ParabolicSnapPush; times are true time, ms. Returns the id of the snap. */
  report(startMs: number, endMs: number): number {
    const id = this.#nextSnapId++;
    const skew = this.#options.clockSkewMs ?? 0;
    const text = (atMs: number) => this.station.timeText(atMs + skew);
    const withId = this.#options.withRecordId ?? false;
    this.station.push({
      id,
      ackType: 3,
      topic: "Snap",
      atMs: endMs + skew,
      acknowledgeable: withId,
      label: "throw",
      write: () => ({
        operator: "ParabolicSnapPush",
        info: {
          deviceId: this.#options.deviceId,
          deviceName: this.#options.name ?? "ipc758732",
          ...(withId ? { SnapOrRecordID: id } : {}),
          snapTime: text((startMs + endMs) / 2),
          startTime: text(startMs),
          endTime: text(endMs),
          pic: jpegDataUrl(this.#options.pictureBytes ?? 80_000, id),
        },
      }),
    });
    return id;
  }

  /** Forgets what it was following. */
  rest(): void {
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
  }

  #later(ms: number, call: () => void): void {
    const timer = setTimeout(
      () => {
        this.#pending.delete(timer);
        call();
      },
      Math.max(0, ms),
    );
    this.#pending.add(timer);
  }
}
