import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { commandSchema, profileSchema } from "./profile.ts";
import { pointsSchema } from "./register.ts";

const builtIn: unknown = parse(
  readFileSync(new URL("../../config/profiles/generic-extinguisher.yaml", import.meta.url), "utf8"),
);
const temperature = { name: "temperature", address: 0 };

function mistakes(profile: unknown): string[] {
  const result = profileSchema.safeParse(profile);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("a profile", () => {
  it("that is built in says what the contract says", () => {
    expect(builtIn).toEqual({
      registers: [
        { name: "temperature", function: 3, address: 0, type: "int16", scale: 0.1, unit: "degC" },
        { name: "pressure", function: 3, address: 1, type: "uint16", scale: 0.001, unit: "MPa" },
        {
          name: "status",
          function: 3,
          address: 2,
          type: "uint16",
          bits: { 0: "discharged", 1: "lowPressure", 2: "tamper" },
        },
      ],
      pollEvery: "1s",
    });
    expect(mistakes(builtIn)).toEqual([]);
  });

  it("may be parsed again: what comes out has the form of what goes in", () => {
    const once = profileSchema.parse(builtIn);
    expect(profileSchema.parse(once)).toEqual(once);
    expect(once).toMatchObject({ answerWithin: "500ms", maxGap: 4, report: { temperature: 0.2, every: "60s" } });
  });

  it.each<[string, unknown, RegExp]>([
    ["no register", { registers: [] }, /^registers: /],
    ["a key that it does not know", { registers: [temperature], pollevery: "1s" }, /pollevery/],
    [
      "a register that becomes no observation",
      { registers: [{ name: "humidity", address: 0 }] },
      /temperature or pressure/,
    ],
    [
      "two registers of one name",
      { registers: [temperature, { ...temperature, address: 9 }] },
      /one register temperature/,
    ],
    ["a unit of another quantity", { registers: [{ ...temperature, unit: "bar" }] }, /degC, degF, K for temperature/],
    [
      "a misspelt discharge",
      { registers: [{ name: "s", address: 0, bits: { 3: "dischared" } }] },
      /bits\.3: expected discharged/,
    ],
    [
      "a fault that is the gateway's own",
      { registers: [{ name: "s", address: 0, bits: { 0: "sensorInvalid" } }] },
      /itself/,
    ],
    ["coils without bits", { registers: [{ ...temperature, function: 1 }] }, /need `bits`/],
    ["a bit beyond the register", { registers: [{ name: "status", address: 0, bits: { 16: "tamper" } }] }, /0 to 15/],
    [
      "bits in a wide register",
      { registers: [{ name: "status", address: 0, type: "uint32", bits: { 0: "tamper" } }] },
      /uint16/,
    ],
    [
      "a wide value at the last address",
      { registers: [{ ...temperature, address: 65_535, type: "float32" }] },
      /65534/,
    ],
    ["a range upside down", { registers: [{ ...temperature, valid: { min: 9, max: 1 } }] }, /min below max/],
    [
      "two ways to read one register",
      { registers: [{ name: "s", address: 0, bits: {}, codes: {} }] },
      /one of bits, codes/,
    ],
    [
      "a unit register of another quantity",
      { registers: [{ ...temperature, unitAt: { address: 1, units: { 0: "MPa" } } }] },
      /unitAt: expected degC/,
    ],
    ["codes with a misspelt sensor", { registers: [{ name: "s", address: 0, codes: { 1: "Smoke" } }] }, /name such as/],
    [
      "codes with a sensor in other letters",
      { registers: [{ name: "s", address: 0, codes: { 1: "callpoint" } }] },
      /callPoint/,
    ],
    ["decimals for bits", { registers: [{ name: "s", address: 0, bits: {}, decimalsAt: 1 }] }, /expected none where/],
    [
      "points beyond the last address",
      { registers: [{ name: "z", address: 65_535, points: { count: 9 } }] },
      /at most 65534/,
    ],
    [
      "a point that stands twice",
      {
        registers: [
          { name: "a", address: 0, points: { count: 9 } },
          { name: "b", address: 9, points: { count: 1, first: 3 } },
        ],
      },
      /003 once/,
    ],
    [
      "too many points",
      {
        registers: [1, 2, 3].map((i) => ({
          name: `z${i}`,
          address: i * 500,
          points: { count: 1000, zone: String(i) },
        })),
      },
      /at most 2000/,
    ],
    [
      "a command that writes nowhere",
      { registers: [temperature], commands: { test: { value: true } } },
      /one of coil and register/,
    ],
    [
      "a command that writes twice",
      { registers: [temperature], commands: { test: { coil: 1, register: 1, value: true } } },
      /one of coil/,
    ],
    ["a number for a coil", { registers: [temperature], commands: { test: { coil: 1, value: 1 } } }, /true or false/],
    [
      "a command with a name that nobody can give",
      { registers: [temperature], commands: { "Silence!": { coil: 1, value: true } } },
      /commands\.Silence!/,
    ],
    ["a function that does not read", { registers: [{ ...temperature, function: 6 }] }, /1, 2, 3 or 4/],
    ["a duration without its unit", { registers: [temperature], pollEvery: 1 }, /duration with its unit/],
    ["polls further apart than silence is noticed", { registers: [temperature], pollEvery: "5m" }, /at most 60s/],
  ])("is refused with %s", (_, profile, said) => {
    expect(mistakes(profile).join()).toMatch(said);
  });
});

/** Profiles of Modbus devices have registers; those of cameras have none. */
const folder = new URL("../../config/profiles/", import.meta.url);
const builtIns = readdirSync(folder)
  .filter((file) => /^registers:/m.test(readFileSync(new URL(file, folder), "utf8")))
  .map((file) => file.replace(/\.yaml$/, ""));

describe("docs/profiles.md", () => {
  const page = readFileSync(new URL("../../docs/profiles.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/```yaml\n(registers:[\s\S]*?)```/g)].map(([, text = ""]): unknown => parse(text));

  it("shows the built-in profile as it is, and only examples that are right", () => {
    expect(examples[0]).toEqual(builtIn);
    expect(examples.length).toBeGreaterThan(2);
    for (const example of examples) expect(mistakes(example)).toEqual([]);
  });

  it("names every key there is", () => {
    const keys = [...page.matchAll(/^\| `([\w.]+)`/gm)].map(([, key = ""]) => key);
    const profile = profileSchema.parse(builtIn);
    const inProfile = Object.keys(profile).filter((key) => key !== "report");
    const inReport = Object.keys(profile.report).map((key) => `report.${key}`);
    const inRegister = Object.keys(profileSchema.shape.registers.element.shape);
    const inPoints = Object.keys(pointsSchema.shape).map((key) => `points.${key}`);
    const inCommands = Object.keys(commandSchema.shape).map((key) => `commands.${key}`);
    expect(new Set(keys)).toEqual(new Set([...inProfile, ...inReport, ...inRegister, ...inPoints, ...inCommands]));
  });

  it("tells of every built-in profile of a Modbus device, and all of them are right", () => {
    for (const name of builtIns) {
      expect(page).toContain(`| \`${name}\` `);
      const text = readFileSync(new URL(`${name}.yaml`, folder), "utf8");
      expect([name, mistakes(parse(text))]).toEqual([name, []]);
    }
    expect(builtIns.length).toBeGreaterThan(5);
  });
});
