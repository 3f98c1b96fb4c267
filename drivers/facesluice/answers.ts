import { z } from "zod";
import type { CommandOutcome } from "../../gateway/domain/command.ts";
import { foldKeys, numeric, text } from "./fields.ts";

/** A device's answer to a command: over MQTT `code` is text and `result` ok or fail, over HTTP a number and `Result`. */
const answerSchema = z.preprocess(
  foldKeys,
  z.object({
    code: numeric,
    info: z.unknown().optional(),
  }),
);
const infoSchema = z.preprocess(
  foldKeys,
  z.object({
    result: text,
    time: text,
    systime: text,
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
    version: text,
    versions: text,
    softversion: text,
    softwareversion: text,
    firmwareversion: text,
    devicetype: numeric,
  }),
);

/** MQTT V1.25 §6.1, by what is asked of the device here. */
const mqttCodes: ReadonlyMap<number, string> = new Map([
  [410, "it is busy with another batch: try again later"],
  [412, "DataBegin is missing"],
  [413, "DataEnd is missing"],
  [414, "the message has no info"],
  [415, "PersonNum is missing"],
  [416, "PersonNum is out of range"],
  [417, "PersonNum is not the number of persons given"],
  [460, "the data are out of range"],
  [461, "customId is missing or not known"],
  [462, "a parameter is wrong"],
  [463, "it does not know the device id, or the picture is broken"],
  [464, "it does not understand the beginning of the span, or finds no face"],
  [465, "it does not understand the end of the span, or its database failed"],
  [467, "its storage of persons is full, or it does not know RecordUploadType"],
  [468, "the picture is too small"],
  [469, "the picture is too large"],
  [470, "the picture's server cannot be found"],
  [471, "the picture's server does not answer"],
  [472, "there is neither picture nor address of one"],
  [474, "its storage is full"],
  [478, "the face is too similar to one it has"],
  [479, "it could not change its list of persons"],
  [482, "it could not read a picture that it has"],
  [11_000, "it could not take a picture"],
]);

/** HTTP V1.13 §5.1 and §5.3. */
const httpCodes: ReadonlyMap<number, string> = new Map([
  [201, "it takes the message for no JSON"],
  [461, "it does not know this command"],
  [462, "the message has no info, or a parameter is missing"],
  [463, "it does not know the device id"],
  [464, "a parameter is wrong, or it does not know the topic"],
  [465, "the number of topics is wrong"],
  [466, "it does not know the topics"],
  [467, "it has no record in this span"],
  [468, "it is busy: the push by hand before is not finished"],
]);

export type AnswerWire = "mqtt" | "http";

/** What a device answered: done or refused, and what it told beside that. Personal data have no name here. */
export interface Answer {
  readonly outcome: CommandOutcome;
  readonly code: number | undefined;
  /** What its clock reads, as it wrote it or in its form. */
  readonly time?: string;
  readonly firmware?: string;
}

export function readAnswer(value: unknown, wire: AnswerWire): Answer {
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) {
    return { code: undefined, outcome: { ok: false, why: "refused", detail: "the device's answer is no object" } };
  }
  const { code } = parsed.data;
  const given = infoSchema.safeParse(parsed.data.info);
  const info = given.success ? given.data : undefined;
  const failed = info?.result?.toLowerCase() === "fail";
  if ((code !== undefined && code !== 200) || (code === undefined && failed)) {
    const known = code === undefined ? undefined : (wire === "mqtt" ? mqttCodes : httpCodes).get(code);
    const meaning = known ?? "the meaning of this is not published";
    return {
      code,
      outcome: {
        ok: false,
        why: "refused",
        detail: code === undefined ? "the device says fail" : `${code}: ${meaning}`,
      },
    };
  }
  const time = info?.time ?? info?.systime ?? partsOfTime(info);
  const firmware = firmwareOf(info);
  const kind = info?.devicetype === undefined ? undefined : deviceTypes[info.devicetype];
  const told = [
    ...(firmware === undefined ? [] : [`firmware ${firmware}`]),
    ...(kind === undefined ? [] : [kind]),
  ].join(", ");
  return {
    code,
    outcome: { ok: true, confirmed: true, ...(told === "" ? {} : { detail: told }) },
    ...(time === undefined ? {} : { time }),
    ...(firmware === undefined ? {} : { firmware }),
  };
}

/** MQTT V1.25 §5.5. */
const deviceTypes: readonly (string | undefined)[] = ["camera", "DVR", "NVR", "terminal"];

function firmwareOf(info: z.output<typeof infoSchema> | undefined): string | undefined {
  const told = info?.version ?? info?.versions ?? info?.softversion ?? info?.softwareversion ?? info?.firmwareversion;
  return told !== undefined && /^[\w .:()/+-]{1,64}$/.test(told) ? told : undefined;
}

/** GetSysTime over HTTP gives six numbers. */
function partsOfTime(info: z.output<typeof infoSchema> | undefined): string | undefined {
  const { year, month, day, hour, minute, second } = info ?? {};
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}
