import { z } from "zod";
import { parseDuration } from "../../gateway/domain/duration.ts";

/** A duration stays the text that it is, so that a parsed profile may be parsed again. */
const durationText = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, "a duration with its unit, for example 500ms, 1s or 1m");
export const durationMs = (text: string): number => parseDuration(text) ?? 0;

/** `ns=2;s=Zone1`, or with the namespace by its URI, which stays when the server numbers its namespaces anew. */
const nodeSchema = z
  .string()
  .max(512)
  .regex(
    /^(ns=\d{1,5};|nsu=[^;\s]+;)?(i=\d{1,10}|s=.+|g=[0-9a-f-]{36}|b=[A-Za-z0-9+/]+=*)$/i,
    "a node id such as ns=2;s=Zone1.Temperature or nsu=http://maker.example/panel;i=1007",
  );

const stateSchema = z.enum(["fire", "pre-alarm", "fault", "disabled", "supervisory", "test", "normal", "reset"]);
export type PanelState = z.output<typeof stateSchema>;

const point = z.string().min(1).max(128).describe("Name of the point on the panel, as people call it.");
const common = {
  node: nodeSchema.describe("Node id of the variable."),
  every: durationText.optional().describe("How often the server is to look at it; as often as it publishes."),
};
const measured = {
  ...common,
  scale: z.number().default(1).describe("Value = raw × scale + offset, in `unit`."),
  offset: z.number().default(0),
  deadband: z.number().min(0).describe("Change that is reported, °C or MPa."),
  valid: z
    .strictObject({ min: z.number(), max: z.number() })
    .refine(({ min, max }) => min < max, "min below max")
    .optional()
    .describe("In °C or MPa. Outside of it the sensor is faulty."),
};
const word = z.union([z.boolean(), z.number(), z.string().max(64)]);
const truth = {
  activeWhen: z
    .union([word.transform((each) => [each]), z.array(word).min(1).max(32)])
    .prefault(true)
    .describe("Values that mean yes: true, 1, OPEN, or a list of them. Any other value means no."),
};
const kebab = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "a name such as battery-low");
const stateBit = z.enum(["discharged", "lowPressure", "tamper"]);
export type StateBit = z.output<typeof stateBit>;

const variableSchema = z.discriminatedUnion("is", [
  z.strictObject({
    is: z.literal("temperature"),
    ...measured,
    unit: z.enum(["degC", "degF", "K"]).default("degC"),
    deadband: measured.deadband.default(0.2),
  }),
  z.strictObject({
    is: z.literal("pressure"),
    ...measured,
    unit: z.enum(["MPa", "kPa", "bar", "psi"]).default("MPa"),
    deadband: measured.deadband.default(0.01),
  }),
  z.strictObject({
    is: z.literal("contact"),
    ...common,
    ...truth,
    role: kebab.describe("What the contact stands for."),
  }),
  z.strictObject({
    is: z.literal("extinguisher"),
    ...common,
    ...truth,
    bit: stateBit.optional().describe("The part of the state that this variable is, where it is one of its own."),
    bits: z
      .record(z.string().regex(/^(3[01]|[12]?[0-9])$/, "a bit number from 0 to 31"), stateBit)
      .optional()
      .describe("The parts of the state that are bits of this variable, by their number."),
  }),
  z.strictObject({
    is: z.literal("panel"),
    ...common,
    point,
    values: z
      .record(z.string().max(64), stateSchema)
      .describe("What each value means; a value that is not listed is rejected, and told."),
  }),
  z.strictObject({ is: z.literal("fault"), ...common, ...truth, code: kebab.describe("Code of the device fault.") }),
]);
export type Variable = z.output<typeof variableSchema>;
export type VariableOf<K extends Variable["is"]> = Extract<Variable, { is: K }>;

const glob = z.string().min(1).max(128);
const conditionRuleSchema = z.strictObject({
  type: z
    .union([nodeSchema.transform((each) => [each]), z.array(nodeSchema).min(1).max(64)])
    .optional()
    .describe("Event types, exactly these: i=10637 is OffNormalAlarmType."),
  source: glob.optional().describe("SourceName; `*` stands for anything."),
  name: glob.optional().describe("ConditionName; `*` stands for anything."),
  severity: z
    .strictObject({ min: z.number().int().min(0).default(0), max: z.number().int().max(1000).default(1000) })
    .optional()
    .describe("1 to 1000, both bounds included."),
  event: z
    .enum(["fire", "pre-alarm", "fault", "disabled", "supervisory", "test", "ignore"])
    .describe("What the condition means while it is active; `ignore`: nothing."),
  detector: z
    .enum(["smoke", "heat", "flame", "camera", "call-point"])
    .optional()
    .describe("Only for `fire`: the device is a single detector, and no panel with points."),
});
export type ConditionRule = z.output<typeof conditionRuleSchema>;

const scalar = z.strictObject({
  type: z.enum(["Boolean", "Int16", "UInt16", "Int32", "UInt32", "Float", "Double", "String"]),
  value: z.union([z.boolean(), z.number(), z.string().max(256)]),
});
const methodSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, "a name such as silence or reset")
    .refine((name) => !["acknowledge", "confirm"].includes(name), "another name: that one is the gateway's own"),
  title: z.strictObject({ zh: z.string().min(1).max(64), en: z.string().min(1).max(64) }),
  object: nodeSchema.describe("The object on which the method is called."),
  method: nodeSchema,
  args: z.array(scalar).max(16).default([]).describe("Sent as they stand here."),
  actuates: z.boolean().default(true).describe("It moves something in the world, or makes a panel quiet."),
});
export type PanelMethod = z.output<typeof methodSchema>;

/** Which variables and conditions of a server mean what. Format: docs/opcua.md. */
export const profileSchema = z
  .strictObject({
    variables: z.array(variableSchema).max(1000).default([]),
    conditions: z
      .strictObject({
        notifier: nodeSchema
          .default("i=2253")
          .describe(
            "The object whose events are heard; the whole server. An area of a large one keeps its noise away.",
          ),
        map: z
          .array(conditionRuleSchema)
          .min(1)
          .max(256)
          .describe("The first that fits counts; what fits none is filtered."),
        acknowledge: z.boolean().default(false).describe("May a person acknowledge the server's conditions from here?"),
        confirm: z.boolean().default(false).describe("May a person confirm them?"),
      })
      .optional()
      .describe("Alarms & Conditions (OPC UA Part 9). Absent: none are heard."),
    commands: z
      .array(methodSchema)
      .max(32)
      .default([])
      .describe("Methods of the server that may be called, and nothing else."),
    report: z
      .strictObject({
        every: durationText.default("60s").describe("Measured values are reported at least so often, changed or not."),
      })
      .prefault({}),
  })
  .superRefine((profile, context) => {
    const fail = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    const seen = new Set<string>();
    profile.variables.forEach((variable, index) => {
      for (const [key, what] of identities(variable)) {
        if (seen.has(key))
          fail(["variables", index], `one variable for ${what}: a device with more is several devices`);
        seen.add(key);
      }
      if (variable.is === "extinguisher" && (variable.bit === undefined) === (variable.bits === undefined))
        fail(["variables", index], "either `bit` or `bits`");
      if (variable.is === "panel" && Object.keys(variable.values).length === 0)
        fail(["variables", index, "values"], "at least one value");
    });
    profile.conditions?.map.forEach((rule, index) => {
      if (rule.detector !== undefined && rule.event !== "fire")
        fail(["conditions", "map", index, "detector"], "event: fire beside it");
    });
    const names = profile.commands.map(({ name }) => name);
    names.forEach((name, index) => {
      if (names.indexOf(name) !== index) fail(["commands", index, "name"], `one command ${name}`);
    });
    if (profile.variables.length === 0 && profile.conditions === undefined)
      fail(["variables"], "variables or conditions");
  });
export type OpcUaProfile = z.output<typeof profileSchema>;

/** What a device has only one of. */
function identities(variable: Variable): [key: string, what: string][] {
  switch (variable.is) {
    case "temperature":
    case "pressure":
      return [[variable.is, variable.is]];
    case "contact":
      return [[`contact ${variable.role}`, `role ${variable.role}`]];
    case "panel":
      return [[`panel ${variable.point}`, `point ${variable.point}`]];
    case "fault":
      return [[`fault ${variable.code}`, `code ${variable.code}`]];
    case "extinguisher": {
      const bits = variable.bit === undefined ? Object.values(variable.bits ?? {}) : [variable.bit];
      return bits.map((bit) => [`state ${bit}`, bit]);
    }
  }
}
