import { describe, expect, test } from "vitest";
import { FusionBench, withDefaults } from "../../tests/support/fusion-bench.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Rule } from "./rule.ts";
import { rules } from "./rules.ts";
import { WakeQueue } from "./wake-queue.ts";

const throwing: Rule = {
  name: "throwing",
  title: { zh: "", en: "" },
  params: (rules[0] as Rule).params,
  kinds: ["access.denied"],
  maxKeys: 3,
  keyOf: (observation) => observation.deviceId,
  step(state) {
    if (state === undefined) return { state: 1 };
    throw new Error("a bug in a rule");
  },
};

function refuse(b: FusionBench, gate: string): void {
  b.observe(gate, "b3-u1", { kind: "access.denied", body: { delivery: "live", reason: "refused" } });
}

describe("fusion", () => {
  test("loses to a rule that throws only the event it threw on, and no other rule loses anything", () => {
    const b = new FusionBench([{ rule: throwing, params: {} }, ...withDefaults()]);
    for (let i = 0; i < 3; i++) refuse(b, "gate-1");
    expect(b.ruleErrors.map((e) => e.observation?.id)).toEqual(["o2", "o3"]);
    expect(b.steps("access-denied-repeated")).toEqual(["raised"]);
  });

  test("holds at most so many keys a rule and gives up the one that was quiet longest", () => {
    const b = new FusionBench([{ rule: throwing, params: {} }]);
    for (const gate of ["g1", "g2", "g3", "g4"]) refuse(b, gate);
    b.restart(true);
    expect(b.alarms.checkpoint()?.states.map((s) => s.key)).toEqual(["g2", "g3", "g4"]);
    expect(b.telemetry.total("zhian_fusion_keys_evicted_total")).toBe(1);
  });

  test("raises an alarm that the disk refused as soon as the disk takes it again", () => {
    const b = new FusionBench();
    b.alarms.refuse = new GatewayError("DISK_FULL", "no space");
    for (let i = 0; i < 3; i++) refuse(b, "gate-1");
    b.clock.advance(2000);
    expect(b.steps()).toEqual([]);
    b.alarms.refuse = undefined;
    b.clock.advance(10_000);
    expect(b.steps()).toEqual(["raised"]);
  });

  test("takes a long log in by turns, so that the rest of the process lives meanwhile", () => {
    const b = new FusionBench();
    b.alarms.refuse = new GatewayError("DISK_FULL", "no space");
    for (let i = 0; i < 25_000; i++) refuse(b, `gate-${i % 4}`);
    b.alarms.refuse = undefined;
    const seen = (): number => b.telemetry.total("zhian_fusion_observations_total");
    const before = seen();
    const turns: (() => void)[] = [];
    const after = b.clock.after.bind(b.clock);
    b.clock.after = (ms, call) => {
      if (ms > 0) return after(ms, call);
      turns.push(call);
      return () => {
        if (turns.includes(call)) turns.splice(turns.indexOf(call), 1);
      };
    };
    b.clock.advance(10_000);
    expect(seen() - before).toBeGreaterThan(0);
    expect(seen() - before).toBeLessThan(15_000);
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
    expect(seen()).toBe(25_000);
    expect(b.alarms.checkpoint()?.cursor).toBeGreaterThan(0);
  });

  test("goes on after a crash from what was committed, and raises nothing twice", () => {
    const b = new FusionBench();
    for (let i = 0; i < 3; i++) refuse(b, "gate-1");
    b.restart(false);
    b.restart(false);
    refuse(b, "gate-1");
    expect(b.steps()).toEqual(["raised"]);
  });
});

describe("the wake queue", () => {
  test("serves the earliest wish first and forgets one that was replaced or withdrawn", () => {
    const queue = new WakeQueue();
    for (let i = 0; i < 200; i++) queue.set(0, `k${i}`, 1000 - i);
    for (let i = 0; i < 200; i++) queue.set(0, `k${i}`, 2000 + i);
    queue.set(0, "k0", undefined);
    expect(queue.take(1999)).toBeUndefined();
    expect(queue.take(5000)?.key).toBe("k1");
    expect(queue.size).toBe(198);
  });
});
