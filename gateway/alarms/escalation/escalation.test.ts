import { describe, expect, test } from "vitest";
import { PushBench, shortPolicy } from "../../../tests/support/push-bench.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Delivery } from "../../ports/push.ts";
import type { EscalationPolicy } from "./policy.ts";

const li = { name: "li", via: "console" } as const;
const down: Delivery = { ok: false, transient: true, detail: "no network" };
const told = (bench: PushBench): string[] =>
  bench.heard.map(({ channel, message }) => `${channel} ${message.tier} ${message.title.en}`);

function started(policy: EscalationPolicy = shortPolicy): PushBench {
  const bench = new PushBench(policy);
  bench.start();
  return bench;
}

describe("the three pushes", () => {
  test("reach the people on duty, then the manager, then the city, each with its step in the alarm log", async () => {
    const bench = started();
    const id = bench.raise("kitchen", "major");
    await bench.pass(61_000);
    const start = bench.heard[0]?.at ?? 0;
    const heard = bench.heard.map(({ at, channel, message: { tier, to } }) => [at - start, channel, tier, to.length]);
    expect(heard).toEqual([
      [0, "first", 1, 2],
      [30_000, "second", 2, 1],
    ]);
    expect(bench.escalated().map((line) => line.slice(0, 9))).toEqual(["kitchen 1", "kitchen 2", "kitchen 3"]);
    expect(bench.alarm(id)?.tier).toBe(3);
  });

  test("stop with an acknowledgement, though the clock on the wall is put forward by a day", async () => {
    const bench = started();
    const id = bench.raise("kitchen", "major");
    await bench.pass(1000);
    bench.desk.acknowledge(id, li);
    bench.clock.step(86_400_000);
    await bench.pass(100_000);
    expect(told(bench)).toEqual(["first 1 kitchen alarms"]);
    expect(bench.escalated()).toHaveLength(1);
  });

  test("do not come sooner or later for a clock that is put forward or back", async () => {
    for (const step of [86_400_000, -86_400_000]) {
      const bench = started();
      bench.raise("kitchen", "major");
      await bench.pass(10_000);
      bench.clock.step(step);
      await bench.pass(19_000);
      expect(told(bench)).toHaveLength(1);
      await bench.pass(2000);
      expect(told(bench)).toHaveLength(2);
    }
  });

  test("of a flood of alarms are told together, and every alarm gets its step", async () => {
    const bench = started();
    for (let i = 0; i < 60; i += 1) bench.raise(`device-${i}`, "minor");
    await bench.pass(9000);
    expect(bench.escalated()).toHaveLength(60);
    expect(bench.heard).toHaveLength(2);
    expect(bench.heard[1]?.message.title.en).toContain("(and 58 more)");
  });

  test("of an alarm that was open before somebody was to be told begin with the start", async () => {
    const bench = new PushBench();
    bench.raise("kitchen", "major");
    bench.clock.advance(3_600_000);
    bench.start();
    await bench.pass(1000);
    expect(told(bench)).toEqual(["first 1 kitchen alarms"]);
  });
});

describe("a cool-down", () => {
  test("tells at its end in one push all that it held back, without what is settled by then", async () => {
    const bench = started();
    bench.raise("a", "major");
    await bench.pass(1000);
    bench.raise("b", "major");
    const gone = bench.raise("c", "minor");
    bench.raise("d", "minor");
    bench.raise("elsewhere", "minor", "b4");
    await bench.pass(1000);
    expect(told(bench)).toEqual(["first 1 a alarms", "first 1 elsewhere alarms"]);
    bench.desk.close(gone, li, "false");
    await bench.pass(7000);
    expect(told(bench).slice(2)).toEqual(["first 1 b alarms (and 1 more)"]);
  });

  test("holds nothing back that is graver than what people just heard", async () => {
    const bench = started();
    bench.raise("a", "minor");
    await bench.pass(1000);
    bench.raise("a", "critical");
    await bench.pass(500);
    expect(told(bench)).toEqual(["first 1 a alarms", "first 1 a alarms"]);
    expect([...bench.pushLog.pushes.values()].map(({ push }) => push.why)).toEqual(["raised", "graver"]);
  });
});

describe("delivery", () => {
  test("tries a channel three times, then the next one, and not again what was refused for good", async () => {
    const bench = started();
    bench.answer = (channel) => (channel === "first" ? down : { ok: true, receipt: "queued 7" });
    bench.raise("kitchen", "minor");
    await bench.pass(10_000);
    expect(bench.heard.map(({ channel }) => channel)).toEqual(["first", "first", "first", "second"]);
    const [entry] = bench.pushLog.pushes.values();
    expect(entry).toMatchObject({ outcome: "delivered", tries: [{}, {}, {}, { ok: true, detail: "queued 7" }] });
    bench.answer = (channel) => (channel === "first" ? { ...down, transient: false } : { ok: true, receipt: "ok" });
    bench.raise("roof", "minor", "b4");
    await bench.pass(1000);
    expect(bench.heard.slice(4).map(({ channel }) => channel)).toEqual(["first", "second"]);
  });

  test("waits as long as the other side asks for", async () => {
    const bench = started();
    bench.answer = () => ({ ok: false, transient: true, detail: "429", retryAfterMs: 20_000 });
    bench.raise("kitchen", "minor");
    await bench.pass(19_500);
    expect(bench.heard).toHaveLength(1);
    await bench.pass(1000);
    expect(bench.heard).toHaveLength(2);
  });

  test("that fails on every channel goes up a tier at once, up to the city", async () => {
    const bench = started();
    bench.answer = () => ({ ok: false, transient: false, detail: "unknown" });
    const id = bench.raise("kitchen", "warning");
    await bench.pass(1000);
    expect(bench.heard.map(({ channel, message: { tier } }) => `${channel} ${tier}`)).toEqual([
      "first 1",
      "second 1",
      "second 2",
    ]);
    expect(bench.alarm(id)?.tier).toBe(3);
    const last = bench.alarmLog.entries.at(-1)?.transition;
    expect(last).toMatchObject({ step: "escalated", comment: "no channel reached the people of the tier before" });
  });

  test("of a grave alarm overtakes lesser ones, and a slow channel holds up no other", async () => {
    const bench = started({ ...shortPolicy, coolDown: 0 });
    const waiting: (() => void)[] = [];
    bench.answer = (channel) =>
      channel === "second"
        ? { ok: true, receipt: "ok" }
        : new Promise((resolve) => waiting.push(() => resolve({ ok: true, receipt: "late" })));
    for (const name of ["a", "b", "c", "d"]) bench.raise(name, "minor");
    await bench.pass(500);
    expect(told(bench)).toHaveLength(2);
    bench.raise("fire", "critical");
    await bench.pass(500);
    waiting.shift()?.();
    await bench.pass(500);
    expect(told(bench).at(-1)).toBe("first 1 fire alarms");
    await bench.pass(30_000);
    expect(told(bench)).toContain("second 2 a alarms");
  });

  test("that is stopped in the middle is tried again under its id by whoever starts next", async () => {
    const bench = started();
    bench.answer = () => down;
    bench.raise("kitchen", "minor");
    await bench.pass(500);
    await bench.stop();
    bench.answer = () => ({ ok: true, receipt: "ok" });
    bench.start();
    await bench.pass(500);
    expect(new Set(bench.heard.map(({ message }) => message.id)).size).toBe(1);
    expect([...bench.pushLog.pushes.values()]).toMatchObject([{ outcome: "delivered", tries: [{ ok: false }, {}] }]);
  });

  test("begins only when the disk has what was decided, and is decided again when the disk takes it", async () => {
    const bench = started();
    bench.pushLog.refuse = new GatewayError("DISK_FULL", "full");
    bench.raise("kitchen", "major");
    await bench.pass(4000);
    expect([told(bench), bench.escalated()]).toEqual([[], []]);
    bench.pushLog.refuse = undefined;
    await bench.pass(2000);
    expect(told(bench)).toEqual(["first 1 kitchen alarms"]);
    expect(bench.telemetry.total("zhian_pushes_settled_total")).toBe(1);
  });
});
