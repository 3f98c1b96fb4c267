import fc from "fast-check";
import { expect, test } from "vitest";
import { ConditionBoard } from "../../drivers/opcua/condition-board.ts";
import { eventFields, readEvent } from "../../drivers/opcua/event-fields.ts";
import { profileSchema } from "../../drivers/opcua/profile.ts";
import { VariableBoard } from "../../drivers/opcua/variable-board.ts";
import { bodySchemas } from "../../gateway/domain/observation.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;

const text = fc.string({ unit: "binary", maxLength: 400 });
const nodeId = fc.record({
  identifierType: fc.integer({ min: 0, max: 5 }),
  namespace: fc.oneof(fc.nat(9), fc.constant("0")),
  value: fc.oneof(
    fc.constantFrom(0, 2787, 2788, 2789, 3035, 10637),
    text,
    fc.uint8Array({ maxLength: 9 }),
    fc.constant(null),
  ),
});
const statusCode = fc.record({
  value: fc.oneof(fc.nat(), fc.constantFrom(0, 0x80_8c_00_00, 0x40_90_00_00, 0x480)),
  name: text,
});
/** What a Variant may hold, and what it may not. */
const value = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true }),
  nodeId,
  statusCode,
  text,
  fc.boolean(),
  fc.double(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 40 }),
  fc.record({ text, locale: text }),
);
const variant = fc.oneof(fc.record({ dataType: fc.nat(25), value }), fc.record({ value }), fc.anything());
const plausible = fc.tuple(
  ...eventFields.map((field) => {
    if (field === "EventType" || field === "ConditionId" || field === "BranchId") return fc.record({ value: nodeId });
    if (field === "EventId") return fc.record({ value: fc.uint8Array({ maxLength: 20 }) });
    return field.endsWith("Id") || field === "Retain" ? fc.record({ value: fc.boolean() }) : variant;
  }),
);
const rules = profileSchema.parse({
  conditions: {
    map: [
      { severity: { min: 800 }, event: "fire", detector: "smoke" },
      { source: "*a*", event: "ignore" },
      { type: ["i=10637"], event: "fault" },
      { event: "fire" },
    ],
  },
});

test("an event of any shape is a condition, one of the system's, another, or malformed; what is told is always well formed", () => {
  const board = new ConditionBoard();
  fc.assert(
    fc.property(fc.oneof(plausible, fc.array(variant, { maxLength: 20 })), fc.boolean(), (fields, refresh) => {
      if (refresh) board.refreshBegins();
      const event = readEvent(fields);
      const drafts =
        event.kind === "condition" ? board.take(event, rules.conditions?.map ?? []) : { kind: "filtered" as const };
      const told = [...(drafts.kind === "drafts" ? drafts.drafts : []), ...(refresh ? board.refreshEnds() : [])];
      for (const { kind, body, sourceRecordId } of told) {
        bodySchemas[kind].parse(body);
        expect(JSON.stringify(body).length).toBeLessThan(1600);
        expect(sourceRecordId).not.toBe("");
      }
      if (event.kind === "malformed") expect(event.detail.length).toBeLessThan(100);
    }),
    { numRuns },
  );
});

const variables = profileSchema.parse({
  variables: [
    { is: "temperature", node: "i=1" },
    { is: "pressure", node: "i=2", unit: "psi" },
    { is: "contact", node: "i=3", role: "door" },
    { is: "extinguisher", node: "i=4", bits: { 0: "discharged", 31: "tamper" } },
    { is: "extinguisher", node: "i=5", bit: "lowPressure", activeWhen: ["LOW", 0] },
    { is: "panel", node: "i=6", point: "p", values: { 0: "normal", 1: "fire", ALARM: "fire" } },
    { is: "fault", node: "i=7", code: "battery-low" },
  ],
}).variables;

test("a value of any shape is told, filtered or rejected; what is told is well formed, and never of bad quality", () => {
  const board = new VariableBoard();
  fc.assert(
    fc.property(
      fc.constantFrom(...variables),
      value,
      fc.oneof(statusCode, fc.anything()),
      (variable, given, status) => {
        const outcome = board.take(variable, { value: given, status }, 0);
        if (outcome.kind === "rejected") expect(outcome.detail.length).toBeLessThan(200);
        if (outcome.kind !== "drafts") return;
        for (const { kind, body } of outcome.drafts) bodySchemas[kind].parse(body);
        const code = typeof status === "object" && status !== null && "value" in status ? status.value : 0;
        if (typeof code === "number") expect((code >>> 0) >>> 30).toBe(0);
      },
    ),
    { numRuns },
  );
});

test("a profile of any shape is taken or refused with places, and one that is taken is taken again as it came out", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom("temperature", "contact", "panel", "fire", "i=1", "ns=2;s=x", "5s"),
  );
  const leaf = fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null));
  const keys = fc.constantFrom(
    "variables",
    "conditions",
    "map",
    "is",
    "node",
    "role",
    "event",
    "values",
    "bits",
    "deadband",
    "every",
    "point",
    "__proto__",
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(keys, tie("tree"), { maxKeys: 5 }),
    ),
  }));
  const likely = fc.record(
    {
      variables: fc.array(
        fc.record(
          { is: word, node: word, role: word, deadband: leaf, every: word, values: tree },
          { requiredKeys: ["is", "node"] },
        ),
        { maxLength: 3 },
      ),
      conditions: fc.record({
        map: fc.array(fc.record({ event: word, source: word, severity: tree }, { requiredKeys: ["event"] }), {
          maxLength: 3,
        }),
      }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(tree, likely), (given) => {
      const parsed = profileSchema.safeParse(given);
      if (parsed.success) expect(profileSchema.parse(parsed.data)).toEqual(parsed.data);
      else expect(parsed.error.issues.length).toBeGreaterThan(0);
    }),
    { numRuns },
  );
});
