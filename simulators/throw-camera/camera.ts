import { type AnyStationOptions, openStation } from "../facesluice/open-station.ts";
import { jpegDataUrl } from "../facesluice/picture.ts";
import type { Station } from "../facesluice/station.ts";
import { between, seeded } from "../random.ts";
import { seenDuring, type Thing, type View } from "./falling.ts";

export type ThrowCameraOptions = AnyStationOptions & {
  readonly view?: View | undefined;
  /** Over MQTT, whether a push carries SnapOrRecordID; the public texts disagree. Without it it is sent once, unacknowledged. */
  readonly withRecordId?: boolean | undefined;
  readonly pictureBytes?: number | undefined;
  readonly seed?: number | undefined;
  readonly firstSnapId?: number;
};

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
  readonly station: Station;
  readonly #options: ThrowCameraOptions;
  readonly #random: () => number;
  readonly #pending = new Set<NodeJS.Timeout>();
  #nextSnapId: number;

  constructor(options: ThrowCameraOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? 7);
    this.#nextSnapId = options.firstSnapId ?? 1;
    this.station = openStation(options);
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

  /** One ParabolicSnapPush, over HTTP with its film; times are true time, ms. Returns the id of the snap. */
  report(startMs: number, endMs: number): number {
    const id = this.#nextSnapId++;
    const skew = this.station.clockSkewMs;
    const text = (atMs: number) => this.station.timeText(atMs + skew);
    const record = { id, ackType: 3, topic: "Snap", atMs: endMs + skew, label: "throw" } as const;
    const picture = () => jpegDataUrl(this.#options.pictureBytes ?? 80_000, id);
    if (this.#options.transport === "http") {
      const { deviceId } = this.#options;
      const fields = { DeviceID: deviceId, ID: String(id), StartTime: text(startMs), EndTime: text(endMs) };
      const write = () => ({ operator: "ParabolicSnapPush", info: { ...fields, ID: id }, Pic: picture() });
      this.station.push({ ...record, acknowledgeable: true, write, film: fields });
      return id;
    }
    const { deviceId, name = "ipc758732", withRecordId = false } = this.#options;
    this.station.push({
      ...record,
      acknowledgeable: withRecordId,
      write: () => ({
        operator: "ParabolicSnapPush",
        info: {
          deviceId,
          deviceName: name,
          ...(withRecordId ? { SnapOrRecordID: id } : {}),
          snapTime: text((startMs + endMs) / 2),
          startTime: text(startMs),
          endTime: text(endMs),
          pic: picture(),
        },
      }),
    });
    return id;
  }

  /** A camera of the same firmware that looks for fire says so. Returns the id of the snap. */
  fire(signs: { readonly fire: 0 | 1 | 2; readonly smoke: 0 | 1 | 2 }): number {
    const id = this.#nextSnapId++;
    const { deviceId, transport } = this.#options;
    const time = this.station.timeText(this.station.now());
    const info =
      transport === "http"
        ? { DeviceID: deviceId, ID: id, CreateTime: time, Fire: signs.fire, Smoke: signs.smoke }
        : { deviceId, SnapOrRecordID: id, snapTime: time, ...signs };
    const write = () => ({ operator: "FireSmokeSnapPush", info });
    this.station.push({
      id,
      ackType: 3,
      topic: "Snap",
      atMs: this.station.now(),
      label: "fire",
      acknowledgeable: true,
      write,
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
