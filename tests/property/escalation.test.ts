import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Severity } from "../../gateway/domain/alarm.ts";
import type { Telling } from "../../gateway/ports/logs.ts";
import { MemoryPushLog } from "../support/memory-push-log.ts";
import { PushBench, shortPolicy } from "../support/push-bench.ts";

type Happening =
  | { readonly type: "raise"; readonly subject: string; readonly severity: Severity }
  | { readonly type: "clear" | "acknowledge" | "close" | "shelve"; readonly subject: string }
  | { readonly type: "pass"; readonly ms: number };

const subject = fc.constantFrom("kitchen", "roof", "cellar");
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    type: fc.constant("raise" as const),
    subject,
    severity: fc.constantFrom<Severity>("critical", "major", "minor", "warning"),
  }),
  fc.record({ type: fc.constantFrom("clear" as const, "acknowledge" as const, "close" as const), subject }),
  fc.record({ type: fc.constant("shelve" as const), subject }),
  fc.record({ type: fc.constant("pass" as const), ms: fc.constantFrom(500, 3000, 15_000, 40_000) }),
);
const li = { name: "li", via: "console" } as const;

async function live(bench: PushBench, happenings: readonly Happening[], lives: readonly number[]): Promise<PushBench> {
  const left = [...lives];
  const nextLife = (): number => left.shift() ?? Number.POSITIVE_INFINITY;
  // Which pushes a channel refuses for good is the same in every life.
  bench.answer = (channel, { id }) =>
    channel === "first" && id.charCodeAt(3) % 2 === 0
      ? { ok: false, transient: false, detail: "refused" }
      : { ok: true, receipt: "taken" };
  bench.start(nextLife());
  for (const each of happenings) {
    const open = "subject" in each ? bench.desk.open().find((alarm) => alarm.subject === each.subject) : undefined;
    if (each.type === "raise") bench.raise(each.subject, each.severity, each.subject === "roof" ? "b4" : "b3");
    else if (each.type === "clear") bench.clear(each.subject);
    else if (each.type === "acknowledge" && open !== undefined) bench.desk.acknowledge(open.id, li);
    else if (each.type === "close" && open !== undefined) bench.desk.close(open.id, li, "true");
    else if (each.type === "shelve" && open !== undefined)
      bench.desk.shelve(open.id, li, bench.clock.now() + 20_000, "being looked at");
    await bench.pass(each.type === "pass" ? each.ms : 0, nextLife);
  }
  await bench.pass(90_000, nextLife);
  return bench;
}

/** What people got, copies left out, with the moment that each heard it first. */
function told(bench: PushBench): readonly string[] {
  const lines = bench.heard.map(({ at, channel, message: { id, tier, title, to } }) =>
    [at, channel, id, tier, title.en, ...to.map((person) => person.id)].join(" "),
  );
  return [...new Set(lines)].sort();
}

/** How often each push came through each channel. */
function copiesOf(bench: PushBench): readonly number[] {
  const counts = new Map<string, number>();
  for (const { channel, message } of bench.heard) {
    const key = `${channel} ${message.id}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts.values()];
}

const outcomes = (bench: PushBench): readonly string[] =>
  [...bench.pushLog.pushes.values()].map(({ push, outcome }) => `${push.id} ${push.why} ${outcome}`).sort();

const cases = fc.tuple(
  fc.array(happening, { minLength: 1, maxLength: 12 }),
  fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
);
const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 40 : 4000;

describe("escalation that is killed between any two of its acts", () => {
  test("tells the same people the same things at the same moments, and repeats at most what was under way", {
    timeout: numRuns * 1000,
  }, async () => {
    let kills = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ([happenings, lives]) => {
        const calm = await live(new PushBench(), happenings, []);
        const killed = await live(new PushBench(), happenings, lives);
        expect(told(killed)).toEqual(told(calm));
        expect(outcomes(killed)).toEqual(outcomes(calm));
        expect(killed.escalated().sort()).toEqual(calm.escalated().sort());
        // Of each push that was under way a kill makes one copy more, under its id.
        for (const copies of copiesOf(killed)) expect(copies).toBeLessThanOrEqual(1 + killed.kills);
        for (const copies of copiesOf(calm)) expect(copies).toBe(1);
        kills += killed.kills;
      }),
      { numRuns },
    );
    expect(kills).toBeGreaterThan(numRuns);
  });

  test("does not, where the log forgets how far it was (control: the property bites)", {
    timeout: 60_000,
  }, async () => {
    class ForgetfulLog extends MemoryPushLog {
      override tellings(): readonly Telling[] {
        return [];
      }
    }
    const happenings: readonly Happening[] = [{ type: "raise", subject: "kitchen", severity: "critical" }];
    const calm = await live(new PushBench(), happenings, []);
    const killed = await live(new PushBench(shortPolicy, new ForgetfulLog()), happenings, [6, 6, 6]);
    expect(told(killed)).not.toEqual(told(calm));
  });
});
