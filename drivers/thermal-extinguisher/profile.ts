import { z } from "zod";

const durationPattern = /^([1-9]\d{0,5})(ms|s|m)$/;
const durationFactor: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** A duration as the profile writes it, in ms. */
export function durationMs(text: string): number {
  const [, number = "", unit = ""] = durationPattern.exec(text) ?? [];
  return Number(number) * (durationFactor[unit] ?? Number.NaN);
}

function duration(least: string, most: string) {
  return z
    .string({ error: "expected a duration with its unit, for example 1s" })
    .regex(durationPattern, "expected a duration with its unit, for example 500ms, 1s or 1m")
    .refine((text) => durationMs(text) >= durationMs(least), `expected at least ${least}`)
    .refine((text) => durationMs(text) <= durationMs(most), `expected at most ${most}`);
}

/** Silence after which the supervisor counts a device as gone whatever the session says, ms: three of the longest polls. */
export const silentAfterMs = 180_000;
const longestPoll = "60s";

const temperatureUnits = ["degC", "degF", "K"] as const;
const pressureUnits = ["MPa", "kPa", "bar", "psi"] as const;
const unitSchema = z.enum([...temperatureUnits, ...pressureUnits]);
export type Unit = z.infer<typeof unitSchema>;

/** Bits that make the extinguisher's state; any other name is a fault of the device. */
export const stateBits: readonly string[] = ["discharged", "lowPressure", "tamper"];
/** Codes of faults that the session finds by itself. */
const ownFaults: readonly string[] = ["sensorInvalid", "modbusException"];

/** A misspelt `discharged` must not become a fault of that name. */
function complaintAbout(bitName: string): string | undefined {
  const name = bitName.replace("!", "");
  const head = (text: string) => text.slice(0, 4).toLowerCase();
  const meant = stateBits.find((known) => known !== name && head(known) === head(name));
  if (meant !== undefined && !stateBits.includes(name)) return `expected ${meant}, or a name less like it`;
  return ownFaults.includes(name) ? "expected another name: the gateway itself reports a fault of this one" : undefined;
}

const wide: readonly string[] = ["int32", "uint32", "float32"];

const registerSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as temperature, pressure or status")
      .describe("`temperature` or `pressure`; any name where there is `bits`."),
    function: z
      .union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)], { error: "expected 1, 2, 3 or 4" })
      .default(3)
      .describe("Modbus function: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers."),
    address: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .describe("As on the wire, from 0: register 40001 of a data sheet is function 3, address 0."),
    type: z.enum(["int16", "uint16", "int32", "uint32", "float32"]).default("uint16"),
    order: z
      .enum(["ABCD", "CDAB", "BADC", "DCBA"])
      .default("ABCD")
      .describe("Order of the bytes on the wire; A is the most significant. For 16 bits: AB (ABCD, CDAB) or BA."),
    scale: z.number().default(1).describe("Value = raw × scale + offset, in `unit`."),
    offset: z.number().default(0).describe("Added after scaling, in `unit`."),
    unit: unitSchema.optional().describe("Default degC and MPa; pressure is gauge pressure."),
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
      .record(
        z.string(),
        z
          .string()
          .regex(/^!?[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as discharged, or !name where 0 means yes"),
      )
      .optional()
      .describe("Names of the bits: discharged, lowPressure, tamper; any other is a fault of the device."),
  })
  .superRefine((register, context) => {
    const fail = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const { name, bits, unit } = register;
    const units: readonly string[] = name === "temperature" ? temperatureUnits : pressureUnits;
    if (bits === undefined) {
      if (name !== "temperature" && name !== "pressure") fail("name", "expected temperature or pressure, or `bits`");
      else if (unit !== undefined && !units.includes(unit)) fail("unit", `expected ${units.join(", ")} for ${name}`);
      if (register.function <= 2) fail("bits", "coils and discrete inputs need `bits`");
    } else {
      for (const [bit, bitName] of Object.entries(bits)) {
        const number = /^(1[0-5]|[0-9])$/.test(bit);
        const message = number ? complaintAbout(bitName) : "expected a bit number from 0 to 15";
        if (message !== undefined) context.addIssue({ code: "custom", path: ["bits", bit], message });
      }
      if (wide.includes(register.type)) fail("type", "expected uint16 where there is `bits`");
    }
    if (wide.includes(register.type) && register.address === 65_535)
      fail("address", "expected at most 65534, since the value takes two registers");
    if (register.valid !== undefined && register.valid.min >= register.valid.max)
      fail("valid", "expected min below max");
  });

/**
 * The register map of one model of device. What it accepts it gives out in the same form, defaults filled in, so that
 * it may be parsed again.
 */
export const profileSchema = z
  .strictObject({
    registers: z.array(registerSchema).min(1).max(64),
    pollEvery: duration("100ms", longestPoll).default("1s"),
    answerWithin: duration("20ms", "10s").default("500ms").describe("How long the device may take to answer."),
    maxGap: z
      .number()
      .int()
      .min(0)
      .max(64)
      .default(4)
      .describe("Unused registers that may be read along to save a request; 0 where the device refuses that."),
    report: z
      .strictObject({
        temperature: z.number().min(0).default(0.2).describe("Change that is reported, °C."),
        pressure: z.number().min(0).default(0.01).describe("Change that is reported, MPa."),
        every: duration("1s", "60m").default("60s").describe("Reported at least so often, changed or not."),
      })
      .prefault({}),
  })
  .superRefine(({ registers }, context) => {
    registers.forEach(({ name }, i) => {
      if (registers.findIndex((other) => other.name === name) !== i)
        context.addIssue({ code: "custom", path: ["registers", i, "name"], message: `expected one register ${name}` });
    });
  });

export type Profile = z.output<typeof profileSchema>;
export type Register = Profile["registers"][number];
