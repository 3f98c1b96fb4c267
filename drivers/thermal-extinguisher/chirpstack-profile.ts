import { z } from "zod";
import { fireBits, stateBits } from "../modbus/register.ts";

const temperatureUnits = ["degC", "degF", "K"] as const;
const pressureUnits = ["MPa", "kPa", "Pa", "bar", "mbar", "psi"] as const;
const unitSchema = z.enum([...temperatureUnits, ...pressureUnits, "percent"]);
export type FieldUnit = z.infer<typeof unitSchema>;
const unitsOf: Readonly<Record<string, readonly FieldUnit[]>> = {
  temperature: temperatureUnits,
  pressure: pressureUnits,
  battery: ["percent"],
};

const typeSchema = z.enum(["uint8", "int8", "uint16", "int16", "uint24", "int24", "uint32", "int32", "float32"]);
/** Bytes of each type; a LoRaWAN payload has at most 242. */
export const widths: Readonly<Record<z.infer<typeof typeSchema>, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint24: 3,
  int24: 3,
  uint32: 4,
  int32: 4,
  float32: 4,
};
const longestPayload = 242;

const flagName = z
  .string()
  .regex(/^!?[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as discharged, or !name where 0 means yes");
const whole = z.string().regex(/^\d{1,10}$/, "expected a number");

/** A misspelt `discharged` must not become a fault of that name. */
function complaintAbout(flag: string): string | undefined {
  const name = flag.replace("!", "");
  const known = [...stateBits, ...fireBits.keys()];
  if (known.includes(name)) return undefined;
  const head = (text: string) => text.slice(0, 4).toLowerCase();
  const meant = stateBits.find((each) => head(each) === head(name));
  return meant === undefined && name !== "sensorInvalid"
    ? undefined
    : `expected ${meant ?? "another name"}, or a name less like it`;
}

const fieldSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][A-Za-z0-9]{0,31}$/, "expected a name such as temperature, pressure, battery or status")
      .describe("`temperature`, `pressure` or `battery`; any name where there is `bits`, `codes` or `flag`."),
    at: z
      .number()
      .int()
      .min(0)
      .max(longestPayload - 1)
      .optional()
      .describe("First byte, from 0."),
    type: typeSchema.default("uint8"),
    order: z.enum(["big", "little"]).default("big").describe("Order of the bytes; big: the most significant first."),
    mask: z
      .number()
      .int()
      .min(1)
      .max(0xffffffff)
      .optional()
      .describe("Bits that belong to it; the lowest of them becomes bit 0."),
    key: z
      .string()
      .regex(/^[^.]{1,64}(\.[^.]{1,64}){0,7}$/, "expected a name, or names with dots between")
      .optional()
      .describe("In place of `at`: where a codec of ChirpStack has put the value in `object`."),
    scale: z.number().default(1).describe("Value = raw × scale + offset, in `unit`."),
    offset: z.number().default(0).describe("Added after scaling, in `unit`."),
    unit: unitSchema.optional().describe("Default degC, MPa and percent; pressure is gauge pressure."),
    valid: z
      .strictObject({ min: z.number(), max: z.number() })
      .optional()
      .describe("In °C, MPa or %. Outside of it the sensor is faulty. Default −40…125 °C, −0.1…25 MPa, 0…100 %."),
    sentinels: z
      .array(z.number())
      .max(16)
      .default([])
      .describe("Raw values by which the device says that it has none."),
    bits: z
      .record(whole, flagName)
      .optional()
      .describe(
        "Names of the bits, 0 the lowest: discharged, lowPressure, tamper; smoke, heat, flame, fire, callPoint; any other is a fault of the device.",
      ),
    codes: z
      .record(whole, flagName)
      .optional()
      .describe("Names of the values: `normal`, or one of those of `bits`. Others are a fault of the sensor."),
    flag: flagName.optional().describe("One of those names: it is so where the value is not 0, or true."),
  })
  .superRefine((field, context) => {
    const fail = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const { name, at, key, type, mask, bits, codes, flag, unit, valid } = field;
    if ((at === undefined) === (key === undefined)) fail("at", "expected either at or key");
    if (at !== undefined && at + widths[type] > longestPayload)
      fail("at", `expected at most ${longestPayload - widths[type]}`);
    if (key !== undefined && (bits !== undefined || mask !== undefined))
      fail("key", "expected `at` where there is bits or mask");
    if (mask !== undefined && (type === "float32" || mask >= 2 ** (8 * widths[type])))
      fail("mask", `expected bits of ${type}`);
    const ways = [bits, codes, flag].filter((way) => way !== undefined).length;
    if (ways > 1) fail("flag", "expected one of bits, codes and flag");
    if (ways > 0 && type === "float32") fail("type", "expected a whole number");
    const units = unitsOf[name];
    if (ways === 0 && units === undefined)
      fail("name", "expected temperature, pressure or battery, or `bits`, `codes` or `flag`");
    else if (ways === 0 && unit !== undefined && units?.includes(unit) !== true)
      fail("unit", `expected ${units?.join(", ")} for ${name}`);
    if (valid !== undefined && valid.min >= valid.max) fail("valid", "expected min below max");
    for (const [bit, given] of Object.entries(bits ?? {})) {
      const message =
        Number(bit) < 8 * widths[type] ? complaintAbout(given) : `expected a bit below ${8 * widths[type]}`;
      if (message !== undefined) context.addIssue({ code: "custom", path: ["bits", bit], message });
    }
    for (const [code, given] of Object.entries(codes ?? {})) {
      const message = given.startsWith("!") ? "expected a name without !" : complaintAbout(given);
      if (message !== undefined) context.addIssue({ code: "custom", path: ["codes", code], message });
    }
    const complaint = flag === undefined ? undefined : complaintAbout(flag);
    if (complaint !== undefined) fail("flag", complaint);
  });

const uplinkSchema = z
  .strictObject({
    fPort: z.number().int().min(1).max(255).optional().describe("Only on this port."),
    length: z.number().int().min(1).max(longestPayload).optional().describe("Only of so many bytes."),
    where: z
      .array(
        z.strictObject({
          at: z
            .number()
            .int()
            .min(0)
            .max(longestPayload - 1),
          equals: z.number().int().min(0).max(255),
        }),
      )
      .max(8)
      .default([])
      .describe("Only where these bytes are so: the type of the message, of the device."),
    fields: z.array(fieldSchema).min(1).max(64),
  })
  .superRefine(({ fields }, context) => {
    fields.forEach(({ name }, i) => {
      if (fields.findIndex((field) => field.name === name) !== i)
        context.addIssue({ code: "custom", path: ["fields", i, "name"], message: `expected one field ${name}` });
    });
  });

const downlinkSchema = z.strictObject({
  fPort: z.number().int().min(1).max(223),
  data: z
    .string()
    .regex(/^([0-9a-fA-F]{2}){1,242}$/, "expected hexadecimal digits, two for a byte")
    .describe("What is sent, hexadecimal."),
  confirmed: z.boolean().default(false).describe("The device has to acknowledge it."),
  actuates: z.boolean().default(true).describe("It moves something in the world."),
  title: z.strictObject({ zh: z.string().min(1), en: z.string().min(1) }),
});

/** How the uplinks of one model of device are laid out. What it accepts it gives out in the same form, defaults filled in. */
export const chirpStackProfileSchema = z.strictObject({
  uplinks: z.array(uplinkSchema).min(1).max(32).describe("The first that fits counts."),
  downlinks: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "expected a name such as silence or test"), downlinkSchema)
    .default({})
    .describe("What the device can be told, by the name of the command. Without them it is told nothing."),
});
export type ChirpStackProfile = z.output<typeof chirpStackProfileSchema>;
export type Uplink = ChirpStackProfile["uplinks"][number];
export type Field = Uplink["fields"][number];
