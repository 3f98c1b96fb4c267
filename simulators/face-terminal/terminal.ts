import { parseLocalTime } from "../facesluice/local-time.ts";
import { type AnyStationOptions, openStation } from "../facesluice/open-station.ts";
import { jpegDataUrl } from "../facesluice/picture.ts";
import type { Station, StoredRecord } from "../facesluice/station.ts";
import { type Command, parseRange } from "../facesluice/wire.ts";
import { between, seeded } from "../random.ts";
import { recPush, snapPush, strSnapPush, type Verdict, verifyPush } from "./messages.ts";
import { makePeople, type Person } from "./people.ts";

export type FaceTerminalOptions = AnyStationOptions & {
  /** How many are enrolled. */
  readonly people?: number;
  /** Size of a picture before base64, bytes. */
  readonly pictureBytes?: number | undefined;
  /** `old`: spells persionName and measures body temperature. */
  readonly firmware?: "new" | "old" | undefined;
  readonly seed?: number;
  /** First RecordID and SnapID; a terminal that was reset starts at 1 again. */
  readonly firstRecordId?: number;
  /** The command that opens its door: no public source names one. */
  readonly unlockOperator?: string | undefined;
  /** The door was opened by a command. */
  readonly onUnlock?: () => void;
};

/** A face-access terminal that speaks the faceSluice dialect, over MQTT or over HTTP. */
export class FaceTerminal {
  readonly station: Station;
  readonly people: readonly Person[];
  readonly #options: FaceTerminalOptions;
  readonly #random: () => number;
  readonly #kept: { record: StoredRecord; again: (late: boolean) => unknown }[] = [];
  #nextRecordId: number;
  #nextSnapId: number;

  constructor(options: FaceTerminalOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? Number.parseInt(options.deviceId, 16) % 1_000_003);
    this.people = makePeople(options.people ?? 50, this.#random);
    this.#nextRecordId = options.firstRecordId ?? 1;
    this.#nextSnapId = options.firstRecordId ?? 1;
    this.station = openStation({ ...options, onCommand: (command) => this.#obey(command) });
  }

  /** Somebody enrolled stands before it. `person` is an index into `people`. Returns the RecordID. */
  recognise(verdict: Verdict, person = Math.floor(this.#random() * this.people.length), blockList = false): number {
    const known = verdict === "not-registered" ? undefined : this.people[person % this.people.length];
    const similarity = known === undefined ? between(this.#random, 20, 60) : between(this.#random, 82, 99);
    const box = [346, 0, 1572, 1080].map((edge) => Math.max(0, edge + Math.round(between(this.#random, -40, 0))));
    const id = this.#nextRecordId++;
    const firmware = this.#options.firmware ?? "new";
    const passage = { ...this.#common(id), person: known, verdict, similarity, blockList, box, firmware };
    const write = this.#options.transport === "http" ? verifyPush : recPush;
    this.#keep({ id, ackType: 2, topic: "Rec", label: verdict }, (late, pushType) => {
      return write({ ...passage, late, pushType, picture: this.#picture(id) });
    });
    return id;
  }

  /** A face that is not enrolled passes by. Returns the SnapID. */
  stranger(): number {
    const id = this.#nextSnapId++;
    const sighting = this.#common(id);
    const write = this.#options.transport === "http" ? snapPush : strSnapPush;
    this.#keep({ id, ackType: 1, topic: "Snap", label: "stranger" }, (late, pushType) => {
      return write({ ...sighting, late, pushType, picture: this.#picture(id) });
    });
    return id;
  }

  /** Pushes stored records of a span again with PushType 2, as a person at the device or ManualPushRecords does. */
  replay(fromMs: number, toMs: number, what: "Rec" | "Snap" | "all" = "all"): number {
    const again = this.#kept.filter(
      ({ record }) => record.atMs >= fromMs && record.atMs <= toMs && (what === "all" || record.topic === what),
    );
    for (const { record, again: write } of again) this.station.push({ ...record, write });
    return again.length;
  }

  #common(id: number) {
    return { id, deviceId: this.#options.deviceId, time: this.station.timeText(this.station.now()) };
  }

  #picture(id: number): string {
    return jpegDataUrl(this.#options.pictureBytes ?? 48_000, id);
  }

  #keep(
    record: Pick<StoredRecord, "id" | "ackType" | "topic" | "label">,
    write: (late: boolean, pushType: 0 | 2) => unknown,
  ): void {
    const stored = { ...record, atMs: this.station.now(), acknowledgeable: true };
    const kept = {
      record: { ...stored, write: (late: boolean) => write(late, 0) },
      again: (late: boolean) => write(late, 2),
    };
    this.#kept.push(kept);
    if (this.#kept.length > (this.#options.storage ?? 2000)) this.#kept.shift();
    this.station.push(kept.record);
  }

  #obey(command: Command): boolean {
    if (command.operator === this.#options.unlockOperator) {
      this.#options.onUnlock?.();
      return true;
    }
    if (command.operator !== "ManualPushRecords" && command.operator !== "ManualPushSnaps") return false;
    const range = parseRange(command);
    if (range === undefined) return false;
    const from = parseLocalTime(range.from, this.station.timeZone);
    const to = parseLocalTime(range.to, this.station.timeZone);
    this.replay(from, to + 999, command.operator === "ManualPushRecords" ? "Rec" : "Snap");
    return true;
  }
}
