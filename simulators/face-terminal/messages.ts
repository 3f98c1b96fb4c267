import type { Person } from "./people.ts";

/** What a terminal decided: VerifyStatus 1, 2, 3. */
export type Verdict = "allowed" | "refused" | "not-registered";
const verifyStatus: Record<Verdict, number> = { allowed: 1, refused: 2, "not-registered": 3 };

/** Somebody stood before it. */
export interface Passage {
  readonly id: number;
  readonly deviceId: string;
  readonly time: string;
  readonly person: Person | undefined;
  readonly verdict: Verdict;
  readonly similarity: number;
  readonly blockList: boolean;
  readonly box: readonly number[];
  readonly late: boolean;
  /** 2 where it is pushed again by hand. */
  readonly pushType: 0 | 2;
  readonly picture: string;
  /** `old` spells persionName and measures body temperature. */
  readonly firmware: "new" | "old";
}

/** Over MQTT, with the spellings of the captured firmware: numbers as text, but for two. */
export function recPush({ person, firmware, ...passage }: Passage): object {
  const name = person?.name ?? "";
  return {
    operator: "RecPush",
    info: {
      customId: "",
      personId: person?.personId ?? "",
      RecordID: String(passage.id),
      VerifyStatus: String(verifyStatus[passage.verdict]),
      PersonType: passage.blockList ? "1" : "0",
      similarity1: passage.similarity.toFixed(6),
      Sendintime: passage.late ? 0 : 1,
      ...(firmware === "old" ? { persionName: name, temperature: "36.4" } : { personName: name }),
      facesluiceId: passage.deviceId,
      idCard: person?.idCard ?? "",
      telnum: person?.phone ?? " ",
      time: passage.time,
      isNoMask: "1",
      PushType: passage.pushType,
      targetPosInScene: passage.box,
      pic: passage.picture,
    },
  };
}

/** Over HTTP, by other names. */
export function verifyPush({ person, ...passage }: Passage): object {
  return {
    operator: "VerifyPush",
    info: {
      DeviceID: passage.deviceId,
      PersonID: Number(person?.personId ?? 0),
      CustomizeID: 0,
      PersonUUID: "",
      Name: person?.name ?? "",
      PersonType: passage.blockList ? 1 : 0,
      Similarity1: Math.round(passage.similarity * 10) / 10,
      VerifyStatus: verifyStatus[passage.verdict],
      VerfyType: 1,
      IdCard: person?.idCard ?? "",
      Telnum: person?.phone ?? "",
      CreateTime: passage.time,
      Sendintime: passage.late ? 0 : 1,
      PushType: passage.pushType,
      nRecordIndex: passage.id,
    },
    SanpPic: passage.picture,
  };
}

/** A face that is not enrolled passed by. */
export interface Sighting {
  readonly id: number;
  readonly deviceId: string;
  readonly time: string;
  readonly late: boolean;
  readonly pushType: 0 | 2;
  readonly picture: string;
}

/** Over MQTT, where it does not say whether it is late. */
export function strSnapPush({ id, deviceId, time, pushType, picture }: Sighting): object {
  return {
    operator: "StrSnapPush",
    info: {
      facesluiceId: deviceId,
      SnapID: String(id),
      time,
      isNoMask: "1",
      PushType: pushType,
      targetPosInScene: [0, 0, 1161, 1080],
      pic: picture,
    },
  };
}

export function snapPush({ id, deviceId, time, late, pushType, picture }: Sighting): object {
  return {
    operator: "SnapPush",
    info: {
      DeviceID: deviceId,
      CreateTime: time,
      Sendintime: late ? 0 : 1,
      PushType: pushType,
      ManualPushID: 0,
      nRecordIndex: id,
    },
    SanpPic: picture,
  };
}
