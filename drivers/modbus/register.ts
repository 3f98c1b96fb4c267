import { z } from "zod";
import { durationText } from "./duration.ts";

const temperatureUnits = ["degC", "degF", "K"] as const;
const pressureUnits = ["MPa", "kPa", "Pa", "bar", "mbar", "psi", "kgf/cm2", "mH2O", "mmH2O"] as const;
const unitSchema = z.enum([...temperatureUnits, ...pressureUnits]);
export type Unit = z.infer<typeof unitSchema>;

/** Bits that make the state of an extinguisher. */
export const stateBits: readonly string[] = ["discharged", "lowPressure", "tamper"];
type FireSensor = "smoke" | "heat" | "flame" | "call-point" | "unknown";
/** Bits by which a detector says fire, with what it detects. */
export const fireBits: ReadonlyMap<string, FireSensor> = new Map([
  ["smoke", "smoke"],
  ["heat", "heat"],
  ["flame", "flame"],
  ["callPoint", "call-point"],
  ["fire", "unknown"],
]);
/** Codes of faults that the session finds by itself. */
const ownFaults: readonly string[] = ["sensorInvalid", "modbusException"];

/** A misspelt `discharged` must not become a fault of that name. */
function complaintAbout(bitName: string): string | undefined {
  const name = bitName.replace("!", "");
  const known = [...stateBits, ...fireBits.keys()];
  if (known.includes(name)) return undefined;
  const head = (text: string) => text.slice(0, 4).toLowerCase();
  const meant =
    stateBits.find((each) => head(each) === head(name)) ?? known.find((each) => lower(each) === lower(name));
  if (meant !== undefined) return `expected ${meant}, or a name less like it`;
  return ownFaults.includes(name) ? "expected another name: the gateway itself reports a fault of this one" : undefined;
}

const lower = (text: string) => text.toLowerCase();

const wide: readonly string[] = ["int32", "uint32", "float32", "bcd32"];
const address = z.number().int().min(0).max(65_535);

const panelEvent = z.enum(["normal", "fire", "pre-alarm", "fault", "disabled", "supervisory", "reset", "test"]);
export type PanelEvent = z.infer<typeof panelEvent>;

export const pointsSchema = z
  .strictObject({
    count: z.number().int().min(1).max(1000).describe("How many, one behind the other."),
    width: z
      .union([z.literal(1), z.literal(2), z.literal(4), z.literal(8), z.literal(16)], {
        error: "expected 1, 2, 4, 8 or 16",
      })
      .default(2)
      .describe("Bits that each has."),
    order: z
      .enum(["high-first", "low-first"])
      .default("high-first")
      .describe("Where the first one of a register stands."),
    skip: z.number().int().min(0).max(15).default(0).describe("Places of the first register that belong to others."),
    zone: z.string().max(32).default("").describe("In front of the number, with a dash: `001` makes 001-001."),
    first: z.number().int().min(0).max(99_999).default(1).describe("Number of the first one."),
    digits: z.number().int().min(1).max(5).default(3).describe("Digits of the number."),
    codes: z
      .record(z.string().regex(/^\d{1,5}$/, "expected a number"), panelEvent)
      .default({ 0: "normal", 1: "fire", 2: "fault", 3: "disabled" })
      .describe("What the value of one means. Others are a fault of the sensor."),
  })
  .describe("The points of a fire panel, several in a register.");
export type Points = z.output<typeof pointsSchema>;

const bitName = z
  .string()
  .regex(/^!?[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as discharged, or !name where 0 means yes");

const shape = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as temperature, pressure or status")
    .describe("`temperature` or `pressure`; any name where there is `bits`, `codes` or `points`."),
  function: z
    .union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)], { error: "expected 1, 2, 3 or 4" })
    .default(3)
    .describe("Modbus function: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers."),
  address: address.describe("As on the wire, from 0: register 40001 of a data sheet is function 3, address 0."),
  type: z
    .enum(["int16", "uint16", "int32", "uint32", "float32", "bcd16", "bcd32"])
    .default("uint16")
    .describe("bcd: a decimal digit in each four bits."),
  order: z
    .enum(["ABCD", "CDAB", "BADC", "DCBA"])
    .default("ABCD")
    .describe("Order of the bytes on the wire; A is the most significant. For 16 bits: AB (ABCD, CDAB) or BA."),
  scale: z.number().default(1).describe("Value = raw × scale + offset, in `unit`."),
  offset: z.number().default(0).describe("Added after scaling, in `unit`."),
  decimalsAt: address.optional().describe("Register that says how many decimals the raw value has, 0–7."),
  offsetAt: address.optional().describe("Register, signed, that is added to the raw value."),
  unit: unitSchema.optional().describe("Default degC and MPa; pressure is gauge pressure."),
  unitAt: z
    .strictObject({ address, units: z.record(z.string().regex(/^\d{1,5}$/, "expected a number"), unitSchema) })
    .optional()
    .describe("Register that says the unit, with what its values mean. Others are a fault of the sensor."),
  valid: z
    .strictObject({ min: z.number(), max: z.number() })
    .optional()
    .describe("In °C or MPa. Outside of it the sensor is faulty. Default −40…125 °C, −0.1…25 MPa."),
  sentinels: z
    .array(z.number())
    .max(16)
    .default([])
    .describe("Values, in °C or MPa, by which the sensor says that it has none: 85 and -127 of a DS18B20."),
  bits: z
    .record(z.string(), bitName)
    .optional()
    .describe(
      "Names of the bits: discharged, lowPressure, tamper; smoke, heat, flame, fire, callPoint; any other is a fault of the device.",
    ),
  codes: z
    .record(z.string().regex(/^\d{1,5}$/, "expected a number"), bitName)
    .optional()
    .describe("Names of the values: `normal`, or one of those of `bits`. Others are a fault of the sensor."),
  points: pointsSchema.optional(),
  every: durationText("100ms", "60s")
    .optional()
    .describe("Default: `pollEvery`; five times that, up to 60s, without `alarm`."),
  alarm: z.boolean().optional().describe("Asked first. Default: true unless it has nothing but faults."),
});

export const registerSchema = shape.superRefine((register, context) => {
  const fail = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  const { name, bits, codes, points, unit, type, unitAt } = register;
  const ways = [bits, codes, points].filter((way) => way !== undefined);
  const units: readonly string[] = name === "temperature" ? temperatureUnits : pressureUnits;
  if (ways.length > 1) fail(points === undefined ? "codes" : "points", "expected one of bits, codes and points");
  if (ways.length === 0) {
    if (name !== "temperature" && name !== "pressure")
      fail("name", "expected temperature or pressure, or `bits`, `codes` or `points`");
    for (const each of [unit, ...Object.values(unitAt?.units ?? {})])
      if (each !== undefined && !units.includes(each))
        fail(unitAt === undefined ? "unit" : "unitAt", `expected ${units.join(", ")} for ${name}`);
    if (register.function <= 2) fail("bits", "coils and discrete inputs need `bits`");
  } else {
    if (bits === undefined && register.function <= 2) fail("bits", "coils and discrete inputs need `bits`");
    if (wide.includes(type)) fail("type", "expected uint16 where there is `bits`, `codes` or `points`");
    for (const key of ["decimalsAt", "offsetAt", "unitAt"] as const)
      if (register[key] !== undefined) fail(key, "expected none where there is `bits`, `codes` or `points`");
  }
  for (const [bit, name] of Object.entries(bits ?? {})) {
    const number = /^(1[0-5]|[0-9])$/.test(bit);
    const message = number ? complaintAbout(name) : "expected a bit number from 0 to 15";
    if (message !== undefined) context.addIssue({ code: "custom", path: ["bits", bit], message });
  }
  for (const [code, name] of Object.entries(codes ?? {})) {
    const message = name.startsWith("!") ? "expected a name without !" : complaintAbout(name);
    if (message !== undefined) context.addIssue({ code: "custom", path: ["codes", code], message });
  }
  if (register.address + sizeOf(register) > 65_536)
    fail("address", `expected at most ${65_536 - sizeOf(register)}, since it takes ${sizeOf(register)} registers`);
  if (register.valid !== undefined && register.valid.min >= register.valid.max) fail("valid", "expected min below max");
});

export type Register = z.output<typeof shape>;

/** How many registers, coils or inputs it takes on the wire. */
export function sizeOf({
  function: fn,
  type,
  bits,
  points,
}: Pick<Register, "function" | "type" | "bits" | "points">): number {
  if (fn <= 2)
    return (
      Math.max(
        ...Object.keys(bits ?? {})
          .map(Number)
          .filter(Number.isFinite),
        0,
      ) + 1
    );
  if (points !== undefined) return Math.ceil(((points.skip + points.count) * points.width) / 16);
  return wide.includes(type) ? 2 : 1;
}

/** Does anything of it raise an alarm, beyond a fault of the device? */
export function bearsAlarm({ alarm, bits, codes }: Register): boolean {
  if (alarm !== undefined) return alarm;
  if (bits === undefined && codes === undefined) return true;
  return [...Object.values(bits ?? {}), ...Object.values(codes ?? {})].some((name) => {
    const bare = name.replace("!", "");
    return stateBits.includes(bare) || fireBits.has(bare);
  });
}
