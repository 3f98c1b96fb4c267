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
    ["mbar", 12_000, 1.2],
    ["kgf/cm2", 10, 0.980665],
    ["mH2O", 100, 0.980665],
  ])("in %s becomes MPa", (unit, raw, mpa) => {
    expect(pressure({ unit }, [raw])).toBe(mpa);
  });
});

describe("a register that others explain", () => {
  const transmitter = {
    address: 4,
    type: "int16",
    decimalsAt: 3,
    offsetAt: 12,
    unitAt: { address: 2, units: { 0: "MPa", 3: "bar", 6: "psi" } },
  };
  /** Words by address. */
  const words = (unit: number, decimals: number, raw: number, offset: number) =>
    Object.assign([], { 2: unit, 3: decimals, 4: raw & 0xffff, 12: offset & 0xffff });

  it.each([
    ["tenths of a bar", [3, 1, 120, 0], 1.2],
    ["thousandths of a megapascal with a zero that drifted", [0, 3, 1203, -3], 1.2],
    ["a vacuum", [3, 2, -50, 0], -0.05],
    ["no decimals", [6, 0, 174, 0], 1.199688],
  ] as const)("gives %s as the device is set", (_, [unit, decimals, raw, offset], mpa) => {
    expect(pressure(transmitter, words(unit, decimals, raw, offset))).toBe(mpa);
  });

  it("is no reading where these say what the profile does not know", () => {
    for (const wrong of [words(5, 1, 120, 0), words(3, 8, 120, 0)]) {
      const values = read({ name: "pressure", ...transmitter }, wrong);
      expect(values.pressureMpa).toBeUndefined();
      expect([...values.invalid.keys()]).toEqual(["pressure"]);
    }
  });

  it("is no reading before these were read", () => {
    const values = read({ name: "pressure", ...transmitter }, Object.assign([], { 2: 3, 4: 120, 12: 0 }));
    expect(values).toMatchObject({ invalid: new Map(), bits: new Map() });
    expect(values.pressureMpa).toBeUndefined();
  });
});

describe("decimal digits in fours of bits", () => {
  it("are read as they are written", () => {
    expect(pressure({ type: "bcd16", scale: 0.001 }, [0x1203])).toBe(1.203);
    expect(pressure({ type: "bcd32", scale: 1e-6, order: "CDAB" }, [0x0300, 0x0120])).toBe(1.2003);
  });

  it("are no reading where one is beyond nine", () => {
    expect([...read({ name: "pressure", type: "bcd16" }, [0x12a3]).invalid.values()]).toEqual([
      "pressure is no decimal number",
    ]);
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

describe("a register whose values have names", () => {
  const smoke = { name: "state", address: 0, codes: { 0: "normal", 1: "smoke", 2: "dirty" } };

  it("has the one that it says, and none of the others", () => {
    expect([...read(smoke, [1]).bits]).toEqual([
      ["smoke", true],
      ["dirty", false],
    ]);
    expect([...read(smoke, [0]).bits.values()]).toEqual([false, false]);
  });

  it("cannot be believed where it says another", () => {
    expect([...read(smoke, [7]).invalid]).toEqual([["state", "state is 7, which the profile does not know"]]);
    expect(read(smoke, [7]).bits.size).toBe(0);
  });
});

describe("the points of a panel", () => {
  const zone = { name: "zone", address: 0, points: { zone: "001", count: 14, skip: 2 } };
  const states = (register: object, words: readonly number[]) => [...read(register, words).points];

  it("stand two bits each from the highest down, as the sheet of a GST module has them", () => {
    // Bits 11-10 are point 1, 9-8 point 2, 7-6 point 3; point 7 begins the next register in bits 15-14.
    const told = states(zone, [0b1111_0110_1100_0000, 0b0100_0000_0000_0010]);
    expect(told.slice(0, 4)).toEqual([
      ["001-001", "fire"],
      ["001-002", "fault"],
      ["001-003", "disabled"],
      ["001-004", "normal"],
    ]);
    expect(told[6]).toEqual(["001-007", "fire"]);
    expect(told[13]).toEqual(["001-014", "fault"]);
    expect(told).toHaveLength(14);
  });

  it("may stand from the lowest up, have other widths, numbers and codes", () => {
    const points = {
      width: 4,
      order: "low-first",
      count: 3,
      first: 98,
      digits: 2,
      codes: { 0: "normal", 9: "pre-alarm" },
    };
    expect(states({ name: "p", address: 0, points }, [0x0090])).toEqual([
      ["98", "normal"],
      ["99", "pre-alarm"],
      ["100", "normal"],
    ]);
  });

  it("are told one by one where one of them says what nobody knows", () => {
    const points = { count: 2, codes: { 0: "normal", 1: "fire" } };
    const values = read({ name: "zone", address: 0, points }, [0b0111_0000_0000_0000]);
    expect([...values.points]).toEqual([["001", "fire"]]);
    expect([...values.invalid.values()]).toEqual(["zone: 002 is 3, which the profile does not know"]);
  });
});
