import { parseLocalTime } from "../facesluice/local-time.ts";
import { jpegDataUrl } from "../facesluice/picture.ts";
import { FacesluiceStation, type StationOptions, type StoredRecord } from "../facesluice/station.ts";
import { type Command, parseRange } from "../facesluice/wire.ts";
import { between, seeded } from "../random.ts";
import { makePeople, type Person } from "./people.ts";

export interface FaceTerminalOptions extends StationOptions {
  /** How many are enrolled. */
  readonly people?: number;
  /** Size of a picture before base64, bytes. */
  readonly pictureBytes?: number | undefined;
  /** `old`: spells persionName and measures body temperature. */
  readonly firmware?: "new" | "old" | undefined;
  readonly seed?: number;
  /** First RecordID and SnapID; a terminal that was reset starts at 1 again. */
  readonly firstRecordId?: number;
}

/** What the terminal decided: VerifyStatus 1, 2, 3. */
export type Verdict = "allowed" | "refused" | "not-registered";
const verifyStatus: Record<Verdict, string> = { allowed: "1", refused: "2", "not-registered": "3" };

interface Passage {
  readonly person: Person | undefined;
  readonly verdict: Verdict;
  readonly similarity: number;
  readonly blockList: boolean;
}

/** A face-access terminal that speaks the faceSluice dialect. */
export class FaceTerminal {
  readonly station: FacesluiceStation;
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
    this.station = new FacesluiceStation({ ...options, onCommand: (command) => this.#obey(command) });
  }

  /** Somebody enrolled stands before it. `person` is an index into `people`. Returns the RecordID. */
  recognise(verdict: Verdict, person = Math.floor(this.#random() * this.people.length), blockList = false): number {
    const known = verdict === "not-registered" ? undefined : this.people[person % this.people.length];
    const similarity = known === undefined ? between(this.#random, 20, 60) : between(this.#random, 82, 99);
    return this.#record({ person: known, verdict, similarity, blockList });
  }

  /** A face that is not enrolled passes by: a StrSnapPush. Returns the SnapID. */
  stranger(): number {
    const id = this.#nextSnapId++;
    const atMs = this.station.now();
    const write = (pushType: 0 | 2) => ({
      operator: "StrSnapPush",
      info: {
        facesluiceId: this.#options.deviceId,
        SnapID: String(id),
        time: this.station.timeText(atMs),
        isNoMask: "1",
        PushType: pushType,
        targetPosInScene: [0, 0, 1161, 1080],
        pic: this.#picture(id),
      },
    });
    this.#keep(
      { id, ackType: 1, topic: "Snap", atMs, acknowledgeable: true, label: "stranger", write: () => write(0) },
      () => write(2),
    );
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

  #record(passage: Passage): number {
    const id = this.#nextRecordId++;
    const atMs = this.station.now();
    const box = [346, 0, 1572, 1080].map((edge) => Math.max(0, edge + Math.round(between(this.#random, -40, 0))));
    const write = (late: boolean, pushType: 0 | 2) => ({
      operator: "RecPush",
      info: {
        customId: "",
        personId: passage.person?.personId ?? "",
        RecordID: String(id),
        VerifyStatus: verifyStatus[passage.verdict],
        PersonType: passage.blockList ? "1" : "0",
        similarity1: passage.similarity.toFixed(6),
        Sendintime: late ? 0 : 1,
        ...this.#identity(passage.person),
        facesluiceId: this.#options.deviceId,
        idCard: passage.person?.idCard ?? "",
        telnum: passage.person?.phone ?? " ",
        time: this.station.timeText(atMs),
        isNoMask: "1",
        PushType: pushType,
        targetPosInScene: box,
        pic: this.#picture(id),
      },
    });
    this.#keep(
      {
        id,
        ackType: 2,
        topic: "Rec",
        atMs,
        acknowledgeable: true,
        label: passage.verdict,
        write: (late) => write(late, 0),
      },
      (late) => write(late, 2),
    );
    return id;
  }

  #identity(person: Person | undefined): object {
    const name = person?.name ?? "";
    return this.#options.firmware === "old" ? { persionName: name, temperature: "36.4" } : { personName: name };
  }

  #picture(id: number): string {
    return jpegDataUrl(this.#options.pictureBytes ?? 48_000, id);
  }

  #keep(record: StoredRecord, again: (late: boolean) => unknown): void {
    this.#kept.push({ record, again });
    if (this.#kept.length > (this.#options.storage ?? 2000)) this.#kept.shift();
    this.station.push(record);
  }

  #obey(command: Command): boolean {
    if (command.operator !== "ManualPushRecords" && command.operator !== "ManualPushSnaps") return false;
    const range = parseRange(command);
    if (range === undefined) return false;
    const from = parseLocalTime(range.from, this.station.timeZone);
    const to = parseLocalTime(range.to, this.station.timeZone);
    this.replay(from, to + 999, command.operator === "ManualPushRecords" ? "Rec" : "Snap");
    return true;
  }
}
