import { expect, test } from "vitest";
import { observationIds } from "./observation-ids.ts";

test("ids are UUIDs of version 7, carry the wall time and do not repeat across a refill of the pool", () => {
  const at = Date.parse("2026-11-24T00:00:00.123Z");
  const mint = observationIds(() => at);
  const ids = new Set(Array.from({ length: 10_000 }, mint));
  expect(ids.size).toBe(10_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt([...ids][0]?.replaceAll("-", "").slice(0, 12) ?? "", 16)).toBe(at);
});
