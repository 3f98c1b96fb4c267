import { expect, test } from "vitest";
import { Pacer } from "./pacer.ts";

test("a pacer lets the stated rate through, whatever the moments at which it is asked", () => {
  const pacer = new Pacer(200, 0);
  let taken = 0;
  for (let now = 0; now < 10_000; now += 7) while (pacer.take(now) === 0) taken += 1;
  expect(taken).toBeGreaterThanOrEqual(1_990);
  expect(taken).toBeLessThanOrEqual(2_025);
});

test("a pacer says how long to wait, and after that there is one", () => {
  const pacer = new Pacer(10, 0);
  expect(pacer.take(0)).toBe(0);
  const wait = pacer.take(0);
  expect(wait).toBe(100);
  expect(pacer.take(wait)).toBe(0);
});

test("a rate of zero sets no limit", () => {
  const pacer = new Pacer(0, 0);
  for (let i = 0; i < 1_000; i++) expect(pacer.take(0)).toBe(0);
});
