import { describe, expect, test } from "vitest";
import { profileSchema } from "./profile.ts";
import { VariableBoard } from "./variable-board.ts";

const good = { value: 0 };
const bad = { value: 0x80_8c_00_00, name: "BadSensorFailure" };
const uncertain = { value: 0x40_90_00_00, name: "UncertainLastUsableValue" };

function board(variable: object) {
  const [parsed] = profileSchema.parse({ variables: [variable] }).variables;
  if (parsed === undefined) throw new Error("no variable");
  const variables = new VariableBoard();
  let at = 0;
  const take = (value: unknown, status: object = good) => {
    at += 1000;
    const outcome = variables.take(parsed, { value, status }, at);
    if (outcome.kind === "drafts") return outcome.drafts.map(({ body }) => body);
    return outcome.kind === "filtered" ? outcome.reason : outcome.detail;
  };
  return { take, variables, parsed, due: (ms: number) => variables.due([parsed], 60_000, at + ms) };
}

const node = "ns=2;s=x";

describe("a variable", () => {
  test("that is measured is told beyond its dead band, in °C and MPa", () => {
    const { take } = board({ is: "temperature", node, unit: "degF", deadband: 1 });
    expect(take(68)).toEqual([{ temperatureC: 20 }]);
    expect(take(69)).toBe("unchanged");
    expect(take(69.8)).toEqual([{ temperatureC: 21 }]);
    expect(board({ is: "pressure", node, unit: "bar" }).take(12)).toEqual([{ pressureMpa: 1.2 }]);
    expect(board({ is: "temperature", node, scale: 0.1, offset: -40 }).take(615)).toEqual([{ temperatureC: 21.5 }]);
  });

  test("whose value stands is told again after a while, and not once it cannot be believed", () => {
    const { take, due } = board({ is: "temperature", node });
    take(20);
    expect(due(59_999)).toEqual([]);
    expect(due(60_000)).toEqual([{ kind: "thermal.reading", body: { temperatureC: 20 } }]);
    take(20, bad);
    expect(due(600_000)).toEqual([]);
    expect(take(20)).toEqual([{ temperatureC: 20 }]);
  });

  test.each([
    ["bad", 20, bad, "BadSensorFailure"],
    ["uncertain", 20, uncertain, "UncertainLastUsableValue"],
    ["no number at all", Number.NaN, good, "no finite number"],
    ["out of range", 5000, good, "5000 is out of range"],
  ])("that is %s is no value, and its sensor is named", (_, value, status, why) => {
    const { take, variables } = board({ is: "temperature", node });
    expect(take(value, status)).toBe("bad-quality");
    expect([...variables.bad]).toEqual([["temperature", why]]);
    expect(take(20)).toEqual([{ temperatureC: 20 }]);
    expect(variables.bad.size).toBe(0);
  });

  test("of which the server knows nothing yet says nothing", () => {
    expect(board({ is: "temperature", node }).take(0, { value: 0x80_32_00_00 })).toBe("waiting");
  });

  test("that is a contact is told at once as it is, and then when it changes", () => {
    const { take } = board({ is: "contact", node, role: "discharge", activeWhen: [1, "OPEN"] });
    expect(take(false)).toEqual([{ active: false, role: "discharge" }]);
    expect(take("OPEN")).toEqual([{ active: true, role: "discharge" }]);
    expect(take(true)).toBe("unchanged");
    expect(take("1")).toEqual([{ active: false, role: "discharge" }]);
  });

  test("that holds the state of an extinguisher is read bit by bit", () => {
    const { take } = board({ is: "extinguisher", node, bits: { 0: "discharged", 31: "tamper" } });
    expect(take(1)).toEqual([{ discharged: true, lowPressure: false, tamper: false }]);
    expect(take(0x8000_0000)).toEqual([{ discharged: false, lowPressure: false, tamper: true }]);
    expect(take(1.5)).toBe("state of ns=2;s=x: found a number, expected a whole number");
  });

  test("of a panel means what the profile lists, and anything else is told as not understood", () => {
    const { take } = board({ is: "panel", node, point: "Zone 1", values: { 0: "normal", 2: "fire", ALARM: "fire" } });
    expect(take(2)).toEqual([{ event: "fire", point: "Zone 1" }]);
    expect(take("ALARM")).toBe("unchanged");
    expect(take(7)).toBe("Zone 1: found a value that the profile does not list: 7");
    expect(take("constructor")).toBe("Zone 1: found a value that the profile does not list: a text");
    expect(take({ text: "0" })).toEqual([{ event: "normal", point: "Zone 1" }]);
    // A 64-bit integer comes as its two halves.
    expect(take([0, 2])).toEqual([{ event: "fire", point: "Zone 1" }]);
    expect(take(["array"])).toBe("Zone 1: found an array, expected one plain value");
  });
});
