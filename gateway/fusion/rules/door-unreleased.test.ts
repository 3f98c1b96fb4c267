import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import { doorUnreleased } from "./door-unreleased.ts";

const bench = () =>
  new FusionBench(withDefaults([doorUnreleased]), undefined, {
    tagsOf: (id) => (id.startsWith("door") ? ["controlled"] : []),
  });

function contact(b: FusionBench, active: boolean, id = "door-1", zone = "b3-u1"): void {
  b.observe(id, zone, { kind: "contact.state", body: { active, role: "door" } });
}
function grant(b: FusionBench, zone = "b3-u1"): void {
  b.observe("gate-1", zone, { kind: "access.granted", body: { delivery: "live" } });
}
function exitButton(b: FusionBench): void {
  b.observe("gate-1", "b3-u1", { kind: "door.released", body: { delivery: "live", by: "exit-button" } });
}

describe("a door that only opens when it is let go", () => {
  test("and opens by itself at night is forced, within two seconds, and over when it is closed", () => {
    const b = bench();
    contact(b, true);
    b.clock.advance(2000);
    expect(b.desk.open()).toMatchObject([{ subject: "door-1", severity: "major", latched: true }]);
    contact(b, false);
    expect(b.steps()).toEqual(["raised", "returned"]);
  });

  test("may open after a grant, for ten seconds", () => {
    const b = bench();
    grant(b);
    b.clock.advance(9000);
    contact(b, true);
    b.clock.advance(30_000);
    expect(b.steps()).toEqual([]);
    contact(b, false);
    contact(b, true);
    b.clock.advance(2000);
    expect(b.steps()).toEqual(["raised"]);
  });

  test("may open a moment before the exit button tells", () => {
    const b = bench();
    contact(b, true);
    b.clock.advance(300);
    exitButton(b);
    b.clock.advance(60_000);
    expect(b.steps()).toEqual([]);
  });

  test("is not let go by a grant in another zone, nor by one that comes late", () => {
    const b = bench();
    grant(b, "b4");
    b.observe("gate-1", "b3-u1", { kind: "access.granted", body: { delivery: "late" } });
    contact(b, true);
    b.clock.advance(2000);
    expect(b.steps()).toEqual(["raised"]);
  });

  test("is judged over a crash in the grace, and forgotten when all is quiet", () => {
    const b = bench();
    contact(b, true);
    b.restart(false);
    b.clock.advance(2000);
    expect(b.steps()).toEqual(["raised"]);
    contact(b, false);
    grant(b);
    b.clock.advance(60_000);
    b.restart(true);
    expect(b.alarms.checkpoint()?.states).toEqual([]);
  });
});

test("a contact without the tag is no controlled door", () => {
  const b = bench();
  contact(b, true, "window-1");
  b.clock.advance(10_000);
  expect(b.steps()).toEqual([]);
});
