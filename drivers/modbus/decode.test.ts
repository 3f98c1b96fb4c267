import { describe, expect, it } from "vitest";
import { decodeRegister } from "./decode.ts";
import { profileSchema } from "./profile.ts";
import { valuesFrom } from "./values.ts";

/** What a profile with this one register makes of these words. */
function read(register: object, words: readonly number[]) {
  const { registers } = profileSchema.parse({ registers: [{ address: 0, ...register }] });
  return valuesFrom(registers.flatMap((each) => decodeRegister(each, (_fn, address) => words[address]) ?? []));
}
const temperature = (register: object, words: readonly number[]) =>
  read({ name: "temperature", ...register }, words).temperatureC;
const pressure = (register: object, words: readonly number[]) =>
  read({ name: "pressure", ...register }, words).pressureMpa;

describe("a register", () => {
  it("is scaled and shifted: tenths of a degree, and the sensor that sends T×10+500", () => {
    expect(temperature({ type: "int16", scale: 0.1 }, [253])).toBe(25.3);
    expect(temperature({ type: "int16", scale: 0.1 }, [0xff9c])).toBe(-10);
    expect(temperature({ type: "uint16", scale: 0.1, offset: -50 }, [753])).toBe(25.3);
  });

  it.each([
    ["ABCD", [0x41ca, 0x6666]],
    ["CDAB", [0x6666, 0x41ca]],
    ["BADC", [0xca41, 0x6666]],
    ["DCBA", [0x6666, 0xca41]],
  ])("of four bytes is read in the order %s", (order, words) => {
    expect(temperature({ type: "float32", order }, words)).toBe(25.299999);
  });

  it("is signed or not as its type says", () => {
    expect(temperature({ type: "int32", scale: 0.001 }, [0xffff, 0xd8f0])).toBe(-10);
    expect(pressure({ type: "uint32", scale: 1e-6 }, [0x0012, 0x4f80])).toBe(1.2);
    expect(pressure({ type: "uint16", scale: 0.001, order: "BADC" }, [0xb004])).toBe(1.2);
  });

  it.each([
    ["degF", 77, 25],
    ["K", 298, 24.85],
    ["degC", 25, 25],
  ])("in %s becomes °C", (unit, raw, celsius) => {
    expect(temperature({ unit }, [raw])).toBe(celsius);
  });

  it.each([
    ["MPa", 2, 2],
    ["kPa", 1200, 1.2],
    ["bar", 12, 1.2],
    ["psi", 174, 1.199688],
  ])("in %s becomes MPa", (unit, raw, mpa) => {
    expect(pressure({ unit }, [raw])).toBe(mpa);
  });
});

describe("a value that cannot be", () => {
  it.each([
    ["above the range", { type: "int16", scale: 0.1 }, [0x7fff]],
    ["below the range", { type: "int16", scale: 0.1 }, [0x8000]],
    ["outside the range of the profile", { valid: { min: 0, max: 60 } }, [61]],
    ["that stands for none", { type: "int16", scale: 0.1, sentinels: [85, -127] }, [850]],
    ["that is no number", { type: "float32" }, [0x7fc0, 0]],
    ["that is endless", { type: "float32" }, [0x7f80, 0]],
  ])("because it is %s is no reading", (_, register, words) => {
    const values = read({ name: "temperature", ...register }, words);
    expect(values.temperatureC).toBeUndefined();
    expect([...values.invalid.keys()]).toEqual(["temperature"]);
  });

  it("leaves what is just within", () => {
    expect(temperature({ type: "int16", scale: 0.1, sentinels: [85] }, [851])).toBe(85.1);
    expect(temperature({}, [125])).toBe(125);
    expect(pressure({ type: "int16", scale: 0.001 }, [0xff9c])).toBe(-0.1);
  });
});

describe("status bits", () => {
  const bits = { 0: "discharged", 1: "!lowPressure", 2: "tamper", 15: "sensorBroken" };

  it("have the names of the profile, and ! turns one round", () => {
    expect([...read({ name: "status", bits }, [0x8001]).bits]).toEqual([
      ["discharged", true],
      ["lowPressure", true],
      ["tamper", false],
      ["sensorBroken", true],
    ]);
  });

  it("may be coils", () => {
    const coils = { name: "status", function: 1, bits: { 0: "discharged", 2: "tamper" } };
    expect([...read(coils, [0, 1, 1]).bits]).toEqual([
      ["discharged", false],
      ["tamper", true],
    ]);
  });
});
