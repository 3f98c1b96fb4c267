import { expect, it } from "vitest";
import { tellOrigin } from "./throw-origin.ts";

it.each([
  ["numbers", { building: "3", unit: "1", floor: 8 }, "3栋1单元8层", "building 3 unit 1, floor 8"],
  ["no floor", { building: "3", unit: "1" }, "3栋1单元", "building 3 unit 1"],
  ["names of the site", { building: "3栋", unit: "2单元", floor: 8 }, "3栋2单元8层", "3栋2单元, floor 8"],
  ["the ids of a platform", { building: "b3", unit: "u1", floor: 8 }, "b3 u1 8层", "b3 u1, floor 8"],
  [
    "a range",
    { unit: "2", floor: 9, floorLow: 8, floorHigh: 10 },
    "2单元约9层（8至10层之间）",
    "unit 2, about floor 9 (between 8 and 10)",
  ],
])("a throw is told so that nobody takes 3, 1 and 8 for floor 318: %s", (_, origin, zh, en) => {
  expect(tellOrigin(origin)).toEqual({ zh, en });
});

it("nothing is told where nothing is known", () => {
  expect(tellOrigin({})).toBeUndefined();
});
