import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accepted,
  closed,
  LaneBench,
  numbers,
  range,
  refused,
  type Sent,
} from "../../tests/support/uplink/lane-bench.ts";
import { alarmOf, eventEntry, MemoryLane, stepEntry } from "../../tests/support/uplink/memory-city-sources.ts";

/** What the city has after removal of duplicates, by subject in order of first arrival. */
function atTheCity(arrivals: readonly number[]): Map<string, number[]> {
  const city = new Map<string, number[]>();
  for (const seq of new Set(arrivals)) {
    const { subject } = eventEntry(seq);
    city.set(subject, [...(city.get(subject) ?? []), seq]);
  }
  return city;
}

interface Hazard {
  readonly pulls: number;
  /** How many of those under way the broker takes before the cut. */
  readonly arrive: number;
  /** How many of those it acknowledges before the cut. */
  readonly acknowledge: number;
}

/** Runs a lane over cuts; `settleEarly` is the control: it counts an entry as delivered when it is sent. */
function survive(total: number, hazards: readonly Hazard[], settleEarly: boolean): number[] {
  const bench = new LaneBench(new MemoryLane("events"));
  bench.source.append(total);
  const arrivals: number[] = [];
  for (const { pulls, arrive, acknowledge } of [...hazards, { pulls: total, arrive: total, acknowledge: total }]) {
    bench.connect();
    for (let left = pulls; left > 0; ) {
      const sent = bench.pull(Math.min(left, 50));
      if (sent.length === 0) break;
      left -= sent.length;
      if (settleEarly) for (const s of sent) s.settle(accepted);
      // TCP keeps the order: what arrives is a beginning of what was sent.
      const took = sent.slice(0, arrive);
      arrivals.push(...numbers(took));
      for (const s of took.slice(0, acknowledge)) s.settle(accepted);
      if (took.length < sent.length || acknowledge < took.length) break;
    }
    bench.lane.detach(closed);
  }
  return arrivals;
}

describe("over any sequence of cuts", () => {
  const hazard = fc.record({ pulls: fc.nat(60), arrive: fc.nat(60), acknowledge: fc.nat(60) });
  const complete = (settleEarly: boolean) =>
    fc.property(fc.integer({ min: 1, max: 300 }), fc.array(hazard, { maxLength: 20 }), (total, hazards) => {
      const city = atTheCity(survive(total, hazards, settleEarly));
      const expected = atTheCity(range(1, total));
      expect(Object.fromEntries(city)).toEqual(Object.fromEntries(expected));
    });

  test("nothing is lost, and every device's events arrive in order", () => {
    fc.assert(complete(false), { numRuns: 300 });
  });

  test("the check bites: a lane that counts what it sent as delivered loses messages", () => {
    expect(() => fc.assert(complete(true), { numRuns: 300 })).toThrow();
  });
});

type Move =
  | { readonly do: "pull"; readonly count: number }
  | { readonly do: "answer"; readonly which: number; readonly code: number }
  | { readonly do: "append"; readonly count: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "cut" };

const move = fc.oneof<fc.Arbitrary<Move>[]>(
  fc.record({ do: fc.constant("pull" as const), count: fc.nat(40) }),
  fc.record({
    do: fc.constant("answer" as const),
    which: fc.nat(1_000),
    code: fc.constantFrom(0, 0, 0, 0, 0x97, 0x80, 0x99, 0x87),
  }),
  fc.record({ do: fc.constant("append" as const), count: fc.nat(5) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.nat(70_000) }),
  fc.record({ do: fc.constant("cut" as const) }),
);

/** Three steps an alarm, so that some alarms begin before a connection and end on it. */
function stepOf(seq: number) {
  const number = Math.ceil(seq / 3);
  return stepEntry(seq, alarmOf(number, seq - (number - 1) * 3), false);
}

describe.each(["events", "alarms"] as const)("whatever happens to the lane %s", (name) => {
  test("each entry is taken by the broker or set aside, none beyond the window is under way, and the books add up", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.array(move, { maxLength: 150 }), (waiting, moves) => {
        const bench = new LaneBench(new MemoryLane(name, name === "events" ? eventEntry : stepOf));
        bench.source.append(waiting);
        bench.connect();
        const taken = new Set<number>();
        let flying: Sent[] = [];
        const answer = (sent: Sent, code: number): void => {
          if (code === 0) taken.add(sent.sequence);
          sent.settle(code === 0 ? accepted : refused(code));
        };
        const apply = (next: Move): void => {
          if (next.do === "pull") flying.push(...bench.pull(next.count));
          else if (next.do === "append") bench.source.append(next.count);
          else if (next.do === "wait") bench.clock.advance(next.ms);
          else if (next.do === "cut") {
            bench.lane.detach(closed);
            flying = [];
            bench.connect();
          } else {
            const [sent] = flying.splice(next.which % Math.max(1, flying.length), 1);
            if (sent !== undefined) answer(sent, next.code);
          }
          const ahead = 1_000;
          expect(flying.length).toBeLessThanOrEqual(name === "events" ? 50 : 50 + ahead);
          const { accepted: all, delivered, pending, quarantined, evicted } = bench.lane.report(0).ledger;
          expect(all).toBe(delivered + pending + quarantined + evicted);
          const given = new Set(bench.gaps.quarantine_.map((q) => q.seq));
          for (let seq = 1; seq <= bench.cursor; seq++) {
            if (!taken.has(seq) && !given.has(seq)) throw new Error(`${seq} was passed over`);
          }
        };
        for (const next of moves) apply(next);
        for (let i = 0; i < 500 && bench.cursor < bench.source.head(); i++) {
          for (const sent of flying.splice(0)) answer(sent, 0);
          apply({ do: "pull", count: 1_000 });
          if (flying.length === 0) bench.clock.advance(60_000);
        }
        expect(bench.cursor).toBe(bench.source.head());
      }),
      { numRuns: 200 },
    );
  });
});

test("the steps of an alarm first arrive in their order, also when it goes ahead of a long backlog and over cuts", () => {
  const calm = move.filter((m) => m.do !== "answer" || m.code === 0);
  let ahead = 0;
  fc.assert(
    fc.property(fc.integer({ min: 250, max: 420 }), fc.array(calm, { maxLength: 120 }), (waiting, moves) => {
      const bench = new LaneBench(new MemoryLane("alarms", stepOf));
      bench.source.append(waiting);
      bench.connect();
      let flying: Sent[] = [];
      const arrived: number[] = [];
      for (const next of [...moves, ...Array.from({ length: 60 }, (): Move => ({ do: "pull", count: 50 }))]) {
        if (next.do === "pull") {
          const pulled = bench.pull(next.count);
          arrived.push(...numbers(pulled));
          flying.push(...pulled);
          if (!moves.includes(next)) for (const sent of flying.splice(0)) sent.settle(accepted);
        } else if (next.do === "append") bench.source.append(next.count);
        else if (next.do === "answer") flying.splice(next.which % Math.max(1, flying.length), 1)[0]?.settle(accepted);
        else if (next.do === "cut") {
          bench.lane.detach(closed);
          flying = [];
          bench.connect();
        }
      }
      const first = [...new Set(arrived)];
      expect(first.toSorted((a, b) => a - b)).toEqual(range(1, bench.source.head()));
      const newest = new Map<number, number>();
      first.forEach((seq, i) => {
        const alarm = Math.ceil(seq / 3);
        expect(seq).toBeGreaterThan(newest.get(alarm) ?? 0);
        newest.set(alarm, seq);
        if (seq < (first[i - 1] ?? 0)) ahead += 1;
      });
    }),
    { numRuns: 200 },
  );
  // Some did go ahead, else this shows nothing.
  expect(ahead).toBeGreaterThan(0);
});
