import { describe, expect, test } from "vitest";
import { ConditionBoard, matches } from "./condition-board.ts";
import type { ConditionEvent } from "./event-fields.ts";
import { profileSchema } from "./profile.ts";

const rules = (map: object[]) => profileSchema.parse({ conditions: { map } }).conditions?.map ?? [];
const fires = rules([
  { severity: { min: 800 }, event: "fire" },
  { source: "Lift*", event: "ignore" },
  { event: "fault" },
]);

function heard(change: Partial<ConditionEvent> = {}): ConditionEvent {
  return {
    kind: "condition",
    conditionId: "ns=1;s=Z1.Smoke",
    eventId: Buffer.from([1]),
    eventType: "ns=0;i=10637",
    source: "Z1",
    name: "Smoke",
    text: "smoke",
    severity: 900,
    branch: false,
    retain: true,
    enabled: true,
    active: true,
    acked: false,
    ...change,
  };
}

const told = (board: ConditionBoard, event: ConditionEvent, map = fires) => {
  const outcome = board.take(event, map);
  return outcome.kind === "drafts" ? outcome.drafts.map(({ body }) => body) : outcome.reason;
};

describe("the conditions of a server", () => {
  test("are told when they come and when they go, and not in between", () => {
    const board = new ConditionBoard();
    expect(told(board, heard())).toEqual([{ event: "fire", point: "Z1/Smoke", text: "smoke" }]);
    expect(told(board, heard({ acked: true }))).toBe("unchanged");
    expect(told(board, heard({ active: false, text: "over" }))).toEqual([
      { event: "normal", point: "Z1/Smoke", text: "over" },
    ]);
    expect(told(board, heard({ active: false, retain: false }))).toBe("unchanged");
    expect(board.all()).toEqual([]);
  });

  test("that get worse are told again, and those that are switched off too", () => {
    const board = new ConditionBoard();
    expect(told(board, heard({ severity: 300 }))).toMatchObject([{ event: "fault" }]);
    expect(told(board, heard({ severity: 900 }))).toMatchObject([{ event: "fire" }]);
    expect(told(board, heard({ enabled: false }))).toMatchObject([{ event: "disabled" }]);
  });

  test("that a refresh does not repeat are over; those that it repeats, or that come meanwhile, are not", () => {
    const board = new ConditionBoard();
    for (const id of ["a", "b"]) board.take(heard({ conditionId: id, name: id }), fires);
    board.refreshBegins();
    expect(told(board, heard({ conditionId: "a", name: "a" }))).toBe("unchanged");
    expect(told(board, heard({ conditionId: "c", name: "c" }))).toMatchObject([{ event: "fire" }]);
    expect(board.refreshEnds().map(({ body }) => body)).toEqual([{ event: "normal", point: "Z1/b" }]);
    expect(board.refreshEnds()).toEqual([]);
    expect(board.all().map(({ id }) => id)).toEqual(["a", "c"]);
  });

  test("of bad quality raise, and take nothing back", () => {
    const board = new ConditionBoard();
    expect(told(board, heard({ badQuality: "BadSensorFailure" }))).toMatchObject([{ event: "fire" }]);
    expect(told(board, heard({ active: false, badQuality: "BadSensorFailure" }))).toBe("unchanged");
    expect(told(board, heard({ active: false }))).toMatchObject([{ event: "normal" }]);
  });

  test("that the profile does not name, ignores, or that are former states, are filtered with why", () => {
    const board = new ConditionBoard();
    expect(told(board, heard({ source: "Lift 3", severity: 10 }))).toBe("ignored-condition");
    expect(told(board, heard({ branch: true }))).toBe("former-state");
    expect(told(board, heard(), rules([{ type: "i=2915", event: "fire" }]))).toBe("unmapped-condition");
    expect(told(board, heard(), rules([{ type: "i=10637", event: "fire" }]))).toMatchObject([{ event: "fire" }]);
  });

  test("of one detector are one fire, which ends with the last of them", () => {
    const board = new ConditionBoard();
    const smoke = rules([{ event: "fire", detector: "smoke" }]);
    const active = { delivery: "live", active: true, sensor: "smoke" };
    expect(told(board, heard({ conditionId: "a" }), smoke)).toEqual([active]);
    expect(told(board, heard({ conditionId: "b" }), smoke)).toEqual([]);
    expect(told(board, heard({ conditionId: "a", active: false }), smoke)).toEqual([]);
    expect(told(board, heard({ conditionId: "b", active: false }), smoke)).toEqual([{ ...active, active: false }]);
  });

  test("beyond the bound are told each time, rather than not at all", () => {
    const board = new ConditionBoard();
    for (let index = 0; index < 10_000; index += 1) board.take(heard({ conditionId: `c${index}` }), fires);
    for (const _ of [1, 2]) expect(told(board, heard({ conditionId: "one more" }))).toMatchObject([{ event: "fire" }]);
    expect(board.all()).toHaveLength(10_000);
  });
});

test.each([
  ["Zone*", "Zone 7", true],
  ["*Smoke*", "Z1.Smoke.2", true],
  ["a*a", "a", false],
  ["*", "", true],
  ["Zone", "Zone 7", false],
  ["(.*)", "anything", false],
])("the pattern %s on %s: %s", (pattern, text, fits) => {
  expect(matches(pattern, text)).toBe(fits);
});
