import { z } from "zod";
import { box, foldKeys, id, numeric, text } from "./fields.ts";
import { type Decoded, type Fact, keyOf, receiptOf, saidDelivery, withoutInfo } from "./records.ts";

/** What a thermal camera's high temperature is: a reading that the rules judge, or a fire by the camera's own threshold. */
export type HighTemperature = "reading" | "fire";

/**
 * The camera alarms, MQTT V1.25 §4.3 to §4.14 and HTTP V1.13 §3.3.4 to §3.3.16, whose fields differ in the case of their
 * letters. An id is `SnapOrRecordID` over MQTT, `ID` or `nRecordIndex` over HTTP, and not confirmed for all of them.
 */
const alarmSchema = z.preprocess(
  foldKeys,
  z.object({
    snaporrecordid: id,
    id,
    nrecordindex: id,
    sendintime: numeric,
    pushtype: numeric,
    snaptime: text,
    createtime: text,
    time: text,
    starttime: text,
    endtime: text,
    targetposinscene: box,
    fire: numeric,
    smoke: numeric,
    sparkalarm: numeric,
    tempeunit: numeric,
    message: z.unknown().optional(),
  }),
);
type Alarm = z.output<typeof alarmSchema>;

/** Alarms and counts of cameras that are no observation of ours. */
const notOurs: ReadonlyMap<string, string> = new Map([
  ["ElectricalBicycleSnapPush", "electric-bicycle"],
  ["SafetyRidePush", "riding"],
  ["VisibleKitchenSnapPush", "kitchen"],
  ["FullStrSnapPush", "structured-capture"],
  ["BehaviorSnapPush", "behaviour"],
  ["LeaveSnapPush", "leave-post"],
  ["ClothHelmetSnapPush", "protective-clothing"],
  ["ClothHelmetVerifyPush", "protective-clothing"],
  ["CountInRegionPush", "head-count"],
  ["CatAttrSnapPush", "vehicle-attributes"],
  ["PlateSnapPush", "number-plate"],
]);

/** An alarm by its operator; undefined where it is none that we know. */
export function decodeAlarm(operator: string, info: unknown, highTemperature: HighTemperature): Decoded | undefined {
  const reason = notOurs.get(operator);
  if (reason !== undefined) {
    const parsed = alarmSchema.safeParse(info);
    return { kind: "filtered", reason, receipt: parsed.success ? receiptOf(3, idOf(parsed.data)) : undefined };
  }
  switch (operator) {
    case "ParabolicSnapPush":
      return alarm(operator, info, "bad-throw-record", thrown);
    case "FireSmokeSnapPush":
      return alarm(operator, info, "bad-fire-record", fireOrSmoke);
    case "TemHighSnapPush":
      return alarm(operator, info, "bad-thermal-record", (given) => heat(given, highTemperature));
    default:
      return undefined;
  }
}

function alarm(
  operator: string,
  info: unknown,
  bad: string,
  factsOf: (given: Alarm) => readonly Fact[] | { readonly expected: string },
): Decoded {
  const parsed = alarmSchema.safeParse(info);
  if (!parsed.success) return withoutInfo(bad);
  const { sendintime, pushtype, snaptime, createtime, time, starttime, endtime } = parsed.data;
  const recordId = idOf(parsed.data);
  const receipt = receiptOf(3, recordId);
  const facts = factsOf(parsed.data);
  if ("expected" in facts) return { kind: "rejected", reason: bad, detail: `expected ${facts.expected}`, receipt };
  const shown = snaptime ?? createtime ?? time;
  return {
    kind: "record",
    record: {
      receipt,
      delivery: saidDelivery(sendintime, pushtype),
      time: starttime ?? shown ?? endtime,
      dedupKey: keyOf(operator, recordId, [starttime, endtime, shown], []),
      facts,
    },
  };
}

function idOf(given: Alarm): string | undefined {
  return given.snaporrecordid ?? given.id ?? given.nrecordindex;
}

/** MQTT V1.25 §4.4, HTTP V1.13 §3.3.4: something fell or was thrown. */
function thrown({ starttime, endtime, targetposinscene }: Alarm): readonly Fact[] {
  return [{ kind: "throw.detected", startedAt: starttime, endedAt: endtime, box: targetposinscene }];
}

/** MQTT V1.25 §4.10: fire and smoke are 0 none, 1 present, 2 not sure. */
function fireOrSmoke({ fire, smoke, targetposinscene }: Alarm): readonly Fact[] | { readonly expected: string } {
  const signs = [fire, smoke].filter((sign) => sign === 0 || sign === 1 || sign === 2);
  if (signs.length === 0) return { expected: "fire or smoke 0 to 2" };
  const sure = signs.includes(1);
  const active = sure || signs.includes(2);
  return [
    {
      kind: "fire.detected",
      active,
      sensor: "camera",
      // "Not sure" is neither more nor less than that.
      ...(active && !sure ? { confidence: 0.5 } : {}),
      box: targetposinscene,
    },
  ];
}

const areaSchema = z.preprocess(foldKeys, z.object({ temperature: numeric }));
const mostAreas = 64;

/**
 * MQTT V1.25 §4.5 and §4.12: sparkAlarm 0 no, 1 yes, 2 sparks alone; tempeunit 0 °C, 1 °F; a temperature for each area. What
 * messageType and alarmType mean is not published, and is not read. Of several areas the hottest counts.
 */
function heat(given: Alarm, highTemperature: HighTemperature): readonly Fact[] | { readonly expected: string } {
  const areas = Array.isArray(given.message) ? given.message.slice(0, mostAreas) : [];
  const temperatures = areas.flatMap((area) => {
    const parsed = areaSchema.safeParse(area);
    const celsius = parsed.success ? asCelsius(parsed.data.temperature, given.tempeunit) : undefined;
    return celsius === undefined ? [] : [celsius];
  });
  const facts: Fact[] = [];
  if (temperatures.length > 0) facts.push({ kind: "thermal.reading", temperatureC: Math.max(...temperatures) });
  const spark = given.sparkalarm === 1 || given.sparkalarm === 2;
  if (spark) facts.push({ kind: "fire.detected", active: true, sensor: "camera", box: undefined });
  else if (highTemperature === "fire" && temperatures.length > 0) {
    facts.push({ kind: "fire.detected", active: true, sensor: "heat", box: undefined });
  }
  return facts.length > 0 ? facts : { expected: "a temperature in message, or sparkAlarm 1 or 2" };
}

/** Beyond what such a camera can measure it is no temperature. */
function asCelsius(value: number | undefined, unit: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const celsius = unit === 1 ? Math.round(((value - 32) / 1.8) * 100) / 100 : value;
  return celsius >= -60 && celsius <= 2000 ? celsius : undefined;
}

const anyPushSchema = z.object({ SnapOrRecordID: id });

/** The id of a push that we cannot use, where it can be read. */
export function receiptOfAnyPush(operator: string, info: unknown): ReturnType<typeof receiptOf> {
  const parsed = anyPushSchema.safeParse(info);
  return operator.endsWith("Push") && parsed.success ? receiptOf(3, parsed.data.SnapOrRecordID) : undefined;
}
