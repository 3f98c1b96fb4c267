import { expect, test } from "vitest";
import { PacketIds } from "./packet-ids.ts";

test("an identifier that waits for its acknowledgement is not given out again when the count comes round", () => {
  const ids = new PacketIds();
  const stuck = ids.allocate();
  for (let i = 0; i < 200_000; i++) {
    const id = ids.allocate();
    if (id === null || id === stuck || id < 1 || id > 65_535) throw new Error(`identifier ${id}`);
    ids.deallocate(id);
  }
  expect(stuck).toBe(1);
});

test("there is none when all 65,535 wait, and one again after the first acknowledgement", () => {
  const ids = new PacketIds();
  const all = new Set(Array.from({ length: 65_535 }, () => ids.allocate()));
  expect(all.size).toBe(65_535);
  expect(ids.allocate()).toBeNull();
  ids.deallocate(77);
  expect(ids.allocate()).toBe(77);
  ids.clear();
  expect(ids.register(5)).toBe(true);
  expect(ids.register(5)).toBe(false);
});
