import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../../tests/support/fusion-bench.ts";
import type { Delivery } from "../../domain/observation.ts";
import { doorForced } from "./door-forced.ts";
import { doorHeld } from "./door-held.ts";
import { duress } from "./duress.ts";
import { tamper } from "./tamper.ts";

const bench = () => new FusionBench(withDefaults([doorForced, doorHeld, duress, tamper]));

function door(b: FusionBench, state: "open" | "closed" | "forced" | "held", delivery: Delivery = "live"): void {
  b.observe("gate-1", "b3-u1", { kind: "door.state", body: { delivery, state } });
}
function contact(b: FusionBench, active: boolean): void {
  b.observe("contact-1", "b3-u1", { kind: "contact.state", body: { active, role: "door" } });
}

describe("a door", () => {
  test("that is forced is an alarm at once, over when it is closed, and open until a person closes it", () => {
    const b = bench();
    door(b, "forced");
    door(b, "forced");
    door(b, "open");
    expect(b.steps()).toEqual(["raised", "updated"]);
    door(b, "closed");
    expect(b.steps("door-forced")).toEqual(["raised", "updated", "returned"]);
    expect(b.desk.open()).toMatchObject([{ rule: "door-forced", latched: true, severity: "major" }]);
  });

  test("that is forced again after a person closed the alarm is a new one, though nobody heard it close", () => {
    const b = bench();
    door(b, "forced");
    const [first] = b.desk.open();
    if (first === undefined) throw new Error("no alarm");
    b.desk.close(first.id, { name: "li", via: "console" }, "true");
    b.clock.advance(3_600_000);
    door(b, "forced");
    expect(b.steps()).toEqual(["raised", "closed", "raised"]);
  });

  test("that the terminal calls held is one at once", () => {
    const b = bench();
    door(b, "held");
    door(b, "closed");
    expect(b.steps("door-held")).toEqual(["raised", "returned"]);
  });

  test("is held when its contact stays open for 30 s, and not sooner", () => {
    const b = bench();
    contact(b, true);
    b.clock.advance(29_000);
    expect(b.steps()).toEqual([]);
    contact(b, true);
    b.clock.advance(1_000);
    expect(b.steps()).toEqual(["raised"]);
    contact(b, false);
    expect(b.steps()).toEqual(["raised", "returned"]);
  });

  test("that is closed in time is none, and its time begins anew", () => {
    const b = bench();
    contact(b, true);
    b.clock.advance(20_000);
    contact(b, false);
    contact(b, true);
    b.clock.advance(20_000);
    expect(b.steps()).toEqual([]);
  });

  test("is not judged by what a terminal tells late", () => {
    const b = bench();
    door(b, "forced", "late");
    door(b, "held", "manual");
    expect(b.steps()).toEqual([]);
  });

  test("goes on being held over a restart", () => {
    const b = bench();
    contact(b, true);
    b.clock.advance(20_000);
    b.restart(true);
    b.clock.advance(10_000);
    expect(b.steps()).toEqual(["raised"]);
  });
});

describe("duress", () => {
  test("is critical, and each time an alarm of its own", () => {
    const b = bench();
    b.observe("gate-1", "b3-u1", { kind: "access.duress", body: { delivery: "live" } });
    b.observe("gate-1", "b3-u1", { kind: "access.duress", body: { delivery: "live" } });
    b.observe("gate-1", "b3-u1", { kind: "access.duress", body: { delivery: "late" } });
    expect(b.steps("duress")).toEqual(["raised", "raised"]);
    expect(b.desk.open()).toMatchObject([{ severity: "critical" }, { severity: "critical" }]);
  });
});

describe("tampering", () => {
  test("is told by a device and by an extinguisher's bit, and over when they say so", () => {
    const b = bench();
    b.observe("gate-1", "b3-u1", { kind: "device.tamper", body: { active: true } });
    const state = { discharged: false, lowPressure: false };
    b.observe("ext-1", "b3-u1", { kind: "extinguisher.state", body: { ...state, tamper: true } });
    b.observe("ext-1", "b3-u1", { kind: "extinguisher.state", body: { ...state, tamper: false } });
    expect(b.steps("tamper")).toEqual(["raised", "raised", "returned"]);
  });
});
