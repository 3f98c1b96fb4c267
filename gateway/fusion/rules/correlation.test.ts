import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { zoneIdSchema } from "../../domain/ids.ts";
import { correlation } from "./correlation.ts";

const title = { zh: "甲", en: "a" };
const bench = (patterns?: readonly object[]) =>
  new FusionBench(withDefaults([correlation], patterns === undefined ? {} : { correlation: { patterns } }), undefined, {
    neighboursOf: (id) => (id === "b3" ? [zoneIdSchema.parse("b4")] : id === "b4" ? [zoneIdSchema.parse("b3")] : []),
    tagsOf: (id) => (id === "gate-vip" ? ["vip"] : []),
  });
const raised = (b: FusionBench) => b.steps().filter((step) => step === "raised").length;

function contact(b: FusionBench, role: string, zone = "b3", active = true): void {
  b.observe(`c-${role}`, zone, { kind: "contact.state", body: { active, role } });
}
function thrown(b: FusionBench, zone = "b3", delivery: "live" | "late" = "live"): void {
  b.observe("cam-1", zone, { kind: "throw.detected", body: { delivery } });
}

describe("a throw and broken glass, as the gateway comes", () => {
  test("is critical in either order, in one building, within half a minute", () => {
    for (const order of [0, 1]) {
      const b = bench();
      if (order === 0) thrown(b, "b3-u1");
      b.clock.advance(1000);
      contact(b, "glass", "b3-u2");
      b.clock.advance(1000);
      if (order === 1) thrown(b, "b3-u1");
      expect(b.steps()).toEqual(["raised", "returned"]);
      expect(b.desk.open()[0]).toMatchObject({ severity: "critical", zoneId: "b3", causes: ["o1", "o2"] });
    }
  });

  test("is nothing too late, in another building, by another contact, or by a late record", () => {
    const b = bench();
    thrown(b);
    contact(b, "glass", "b4");
    contact(b, "door");
    contact(b, "glass", "b3", false);
    b.clock.advance(30_001);
    contact(b, "glass");
    thrown(b, "b3", "late");
    expect(b.steps()).toEqual([]);
  });

  test("happens each time anew", () => {
    const b = bench();
    for (let i = 0; i < 3; i++) {
      thrown(b);
      contact(b, "glass");
    }
    expect(raised(b)).toBe(3);
  });
});

describe("a pattern", () => {
  const door = { kind: "contact.state", is: { role: "door", active: true } };
  const glass = { kind: "contact.state", is: { role: "glass", active: true } };
  const reset = { kind: "panel.event", is: { event: "reset" } };

  test("of things one after the other does not count them the other way round", () => {
    const b = bench([{ name: "x", title, sequence: [glass, door], within: "10s" }]);
    contact(b, "door");
    contact(b, "glass");
    expect(raised(b)).toBe(0);
    b.clock.advance(9_999);
    contact(b, "door");
    expect(raised(b)).toBe(1);
  });

  test("of the same thing three times counts three, and not one thrice", () => {
    const b = bench([{ name: "x", title, sequence: [glass, glass, glass], within: "10s" }]);
    contact(b, "glass");
    contact(b, "glass");
    expect(raised(b)).toBe(0);
    contact(b, "glass");
    expect(raised(b)).toBe(1);
  });

  test("of one thing without another waits for its time, and a restart does not shorten it", () => {
    const b = bench([
      { name: "x", title, any: [{ kind: "panel.event", is: { event: "fire" } }], without: reset, within: "60s" },
    ]);
    const panel = (event: "fire" | "reset") => b.observe("panel-1", "b3", { kind: "panel.event", body: { event } });
    panel("fire");
    b.clock.advance(30_000);
    panel("reset");
    b.clock.advance(60_000);
    expect(raised(b)).toBe(0);
    panel("fire");
    b.clock.advance(30_000);
    b.restart(false);
    expect(raised(b)).toBe(0);
    b.clock.advance(30_000);
    expect(raised(b)).toBe(1);
  });

  test("reaches over to the neighbouring zone where it says so", () => {
    const neighbours = bench([{ name: "x", title, all: [glass, door], within: "10s", scope: "neighbours" }]);
    contact(neighbours, "glass", "b3");
    contact(neighbours, "door", "b4");
    expect(raised(neighbours)).toBeGreaterThan(0);
    const zone = bench([{ name: "x", title, all: [glass, door], within: "10s" }]);
    contact(zone, "glass", "b3");
    contact(zone, "door", "b4");
    expect(raised(zone)).toBe(0);
  });

  test("asks for a tag or a device", () => {
    const b = bench([{ name: "x", title, any: [{ kind: "access.granted", tag: "vip" }], within: "1s" }]);
    const grant = (gate: string) => b.observe(gate, "b3", { kind: "access.granted", body: { delivery: "live" } });
    grant("gate-1");
    expect(raised(b)).toBe(0);
    grant("gate-vip");
    expect(raised(b)).toBe(1);
  });

  test("leaves nothing behind when its time is over", () => {
    const b = bench([{ name: "x", title, all: [glass, door], within: "10s" }]);
    contact(b, "glass");
    b.clock.advance(20_000);
    b.restart(true);
    expect(b.alarms.checkpoint()?.states).toEqual([]);
  });

  test("that says all and sequence at once, or a name twice, is a mistake", () => {
    const parse = (patterns: readonly object[]) => correlation.params.safeParse({ patterns }).success;
    expect(parse([{ name: "x", title, all: [glass], within: "10s" }])).toBe(true);
    expect(parse([{ name: "x", title, all: [glass], sequence: [glass, door], within: "10s" }])).toBe(false);
    expect(parse([{ name: "x", title, within: "10s" }])).toBe(false);
    expect(parse([1, 2].map(() => ({ name: "x", title, all: [glass], within: "10s" })))).toBe(false);
  });
});
