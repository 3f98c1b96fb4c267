import fc from "fast-check";
import { expect, it } from "vitest";
import { bodySchemas } from "../../gateway/domain/observation.ts";
import { decodeRegister } from "./decode.ts";
import { profileSchema } from "./profile.ts";
import { planOf } from "./register-plan.ts";
import { nothingReported, remember } from "./report.ts";
import { valuesFrom } from "./values.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;

const word = fc.oneof(fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff, 0x7fc0), fc.integer({ min: 0, max: 65_535 }));
const address = fc.integer({ min: 0, max: 40 });
const name = fc.constantFrom("discharged", "!lowPressure", "tamper", "smoke", "fire", "batteryLow", "normal");
const points = fc.record(
  {
    count: fc.integer({ min: 1, max: 40 }),
    width: fc.constantFrom(1, 2, 4, 8, 16),
    order: fc.constantFrom("high-first", "low-first"),
    skip: fc.integer({ min: 0, max: 15 }),
    zone: fc.constantFrom("", "001"),
  },
  { requiredKeys: ["count"] },
);
const order = fc.constantFrom("ABCD", "CDAB", "BADC", "DCBA");
const factor = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
const every = fc.constantFrom("1s", "30s");
const word16 = fc.constantFrom("int16", "uint16", "bcd16");
const measure = fc.record(
  {
    name: fc.constantFrom("temperature", "pressure"),
    address,
    function: fc.constantFrom(3, 4, 4, 1),
    type: fc.oneof(word16, fc.constantFrom("int32", "uint32", "float32", "bcd32")),
    order,
    scale: factor,
    offset: factor,
    decimalsAt: address,
    offsetAt: address,
    unitAt: fc.record({ address, units: fc.constantFrom({ 0: "MPa", 3: "bar" }, { 0: "degF", 1: "K" }) }),
    every,
  },
  { requiredKeys: ["name", "address"] },
);
const named = { name: fc.constantFrom("status", "zone", "x1"), address };
const optional = { order, every, alarm: fc.boolean() };
const requiredKeys: ("name" | "address")[] = ["name", "address"];
const bit = fc.dictionary(fc.constantFrom("0", "1", "7", "15"), name);
const code = fc.dictionary(fc.constantFrom("0", "1", "2"), name);
const register = fc.oneof(
  measure,
  fc.record(
    { ...named, ...optional, function: fc.constantFrom(1, 2, 3, 4), bits: bit },
    { requiredKeys: [...requiredKeys, "bits"] },
  ),
  fc.record({ ...named, ...optional, codes: code }, { requiredKeys: [...requiredKeys, "codes"] }),
  fc.record({ ...named, ...optional, points }, { requiredKeys: [...requiredKeys, "points"] }),
);

it("whatever a profile says that is let in, whatever the registers hold: a plan within the standard, and what may be observed", () => {
  let letIn = 0;
  const property = fc.property(
    fc.array(register, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 0, max: 8 }),
    fc.array(word, { minLength: 64, maxLength: 64 }),
    (registers, maxGap, words) => {
      const parsed = profileSchema.safeParse({ registers, maxGap });
      if (!parsed.success) return;
      letIn++;
      const profile = parsed.data;
      expect(profileSchema.parse(profile)).toEqual(profile);
      const plan = planOf(profile);
      for (const { function: fn, count, address: from, everyMs } of plan) {
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThanOrEqual(fn <= 2 ? 2000 : 125);
        expect(from + count).toBeLessThanOrEqual(65_536);
        expect(everyMs).toBeGreaterThanOrEqual(100);
      }
      const read = new Map(
        plan.flatMap((batch) =>
          Array.from({ length: batch.count }, (_, i): [string, number] => {
            const value = words[(batch.address + i) % words.length] ?? 0;
            return [`${batch.function}:${batch.address + i}`, batch.function <= 2 ? value & 1 : value];
          }),
        ),
      );
      const decoded = profile.registers.flatMap(
        (each) => decodeRegister(each, (fn, at) => read.get(`${fn}:${at}`)) ?? [],
      );
      // The plan reads all that the decoder needs.
      expect(decoded).toHaveLength(profile.registers.length);
      const values = valuesFrom(decoded);
      const poll = { values, read: new Set(decoded.map((each) => each.name)), refused: "" };
      const rules = { temperature: 0.2, pressure: 0.01, everyMs: 60_000 };
      const { memory, reading } = remember(nothingReported, poll, rules, 0);
      for (const { kind, body } of memory.edges) bodySchemas[kind].parse(body);
      if (reading !== undefined) bodySchemas["thermal.reading"].parse(reading);
      const again = remember(memory, poll, rules, 0).memory;
      expect(again.edges).toEqual(memory.edges);
    },
  );
  fc.assert(property, { numRuns });
  expect(letIn).toBeGreaterThan(numRuns / 50);
}, 300_000);

it("whatever is given as a profile is let in or refused with the place, and never fails", () => {
  const anything = fc.oneof(
    fc.anything({ maxDepth: 4 }),
    fc.record({ registers: fc.anything({ maxDepth: 3 }), commands: fc.anything({ maxDepth: 2 }) }),
    fc.record({ registers: fc.array(fc.record({ name: fc.string(), address: fc.anything(), points: fc.anything() })) }),
  );
  fc.assert(
    fc.property(anything, (given) => {
      const parsed = profileSchema.safeParse(given);
      if (parsed.success) planOf(parsed.data);
      else expect(parsed.error.issues.length).toBeGreaterThan(0);
    }),
    { numRuns },
  );
}, 300_000);
