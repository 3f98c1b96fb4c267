import { expect, it } from "vitest";
import { type Profile, profileSchema } from "./profile.ts";
import { planOf } from "./register-plan.ts";

const at = (address: number, more: object = {}) => ({
  name: `bits${address}${"function" in more ? "input" : ""}`,
  address,
  bits: { 0: `a${address}` },
  ...more,
});

function requests(registers: readonly object[], maxGap?: number): [number, number, number][] {
  const profile: Profile = profileSchema.parse({ registers, ...(maxGap === undefined ? {} : { maxGap }) });
  return planOf(profile).map(({ function: fn, address, count }) => [fn, address, count]);
}

it("reads neighbours in one request, across gaps of four registers and no more", () => {
  expect(requests([at(0), at(1), at(2)])).toEqual([[3, 0, 3]]);
  expect(requests([at(0), at(5)])).toEqual([[3, 0, 6]]);
  expect(requests([at(0), at(6)])).toEqual([
    [3, 0, 1],
    [3, 6, 1],
  ]);
  expect(requests([at(0), at(2)], 0)).toEqual([
    [3, 0, 1],
    [3, 2, 1],
  ]);
});

it("keeps functions apart, whatever the order of the profile", () => {
  expect(requests([at(1, { function: 4 }), at(1), at(0, { function: 4 }), at(0)])).toEqual([
    [3, 0, 2],
    [4, 0, 2],
  ]);
});

it("counts two registers for a wide value, and reads an overlap once", () => {
  const temperature = { name: "temperature", address: 10, type: "float32" };
  expect(requests([temperature, at(11), at(12)])).toEqual([[3, 10, 3]]);
});

it("reads coils up to the highest named bit", () => {
  expect(requests([at(8, { function: 1, bits: { 0: "discharged", 9: "tamper" } })])).toEqual([[1, 8, 10]]);
});

it("asks for 125 registers at most", () => {
  const registers = Array.from({ length: 64 }, (_, i) => at(i * 5));
  const plan = requests(registers);
  expect(plan.map(([, , count]) => count <= 125)).not.toContain(false);
  expect(plan).toHaveLength(3);
});

it("asks first for what raises alarms, and five times as seldom for what does not", () => {
  const { registers, ...rest } = profileSchema.parse({
    registers: [
      { name: "battery", address: 0, bits: { 0: "batteryLow" } },
      { name: "status", address: 40, bits: { 0: "discharged" } },
      { name: "slow", address: 80, bits: { 0: "doorOpen" }, every: "30s" },
      { name: "said", address: 120, bits: { 0: "doorAjar" }, alarm: true },
    ],
    pollEvery: "2s",
  });
  const plan = planOf({ registers, ...rest });
  expect(plan.map(({ address, everyMs, alarm }) => [address, everyMs, alarm])).toEqual([
    [40, 2000, true],
    [120, 2000, true],
    [0, 10_000, false],
    [80, 30_000, false],
  ]);
});

it("reads what need not be read so often along with a neighbour, where that is cheaper than a request of its own", () => {
  const panel = { name: "panel", address: 10, points: { count: 96 } };
  expect(requests([at(8), { ...at(0), bits: { 0: "batteryLow" } }], 8)).toEqual([[3, 0, 9]]);
  expect(requests([{ ...panel, every: "10s" }, at(9)])).toEqual([
    [3, 10, 12],
    [3, 9, 1],
  ]);
});

it("reads the registers that say how another is to be read, once a minute where they stand apart", () => {
  const transmitter = {
    name: "pressure",
    address: 4,
    decimalsAt: 3,
    offsetAt: 12,
    unitAt: { address: 2, units: { 0: "MPa" } },
  };
  const profile = profileSchema.parse({ registers: [transmitter], maxGap: 0 });
  expect(planOf(profile).map(({ address, count, everyMs }) => [address, count, everyMs])).toEqual([
    [2, 3, 1000],
    [12, 1, 60_000],
  ]);
});

it("reads a panel that is too large for one answer in several", () => {
  expect(requests([{ name: "panel", address: 100, points: { count: 1000, width: 4 } }])).toEqual([
    [3, 100, 125],
    [3, 225, 125],
  ]);
});
