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
