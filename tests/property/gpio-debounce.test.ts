import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calm, calmed, changed, heard } from "../../drivers/dry-contact/chatter.ts";
import { type Change, edge, reading, settle, unknownLevel } from "../../drivers/dry-contact/debounce.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;

/** A wire: how long it stays at each level, alternating, from time 0 on; the last level stays for ever. */
const wires = fc.record({
  first: fc.boolean(),
  lengths: fc.array(fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 2_000 })), { maxLength: 40 }),
  holdMs: fc.integer({ min: 20, max: 1000 }),
  /** Where the time is looked at between edges, as parts of the lengths. */
  looks: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }),
});

interface Held {
  readonly level: boolean;
  readonly from: number;
  readonly to: number;
}

function segments(first: boolean, lengths: readonly number[]): Held[] {
  let at = 0;
  const held = lengths.map((length, index): Held => {
    const from = at;
    at += length;
    return { level: index % 2 === 0 ? first : !first, from, to: at };
  });
  return [...held, { level: lengths.length % 2 === 0 ? first : !first, from: at, to: Number.POSITIVE_INFINITY }];
}

/** What has to be told of it, computed from the whole: each level that lasts and is not the one told last. */
function expected(held: readonly Held[], holdMs: number): Change[] {
  const told: Change[] = [];
  for (const { level, from, to } of held) {
    if (to - from >= holdMs && told.at(-1)?.level !== level) told.push({ level, at: from });
  }
  return told;
}

function debounced(held: readonly Held[], holdMs: number, looks: readonly number[]): Change[] {
  const told: Change[] = [];
  let state = unknownLevel;
  const take = (result: ReturnType<typeof settle>) => {
    state = result.state;
    if (result.change !== undefined) told.push(result.change);
  };
  held.forEach(({ level, from, to }, index) => {
    take(index === 0 ? reading(state, level, from, holdMs) : edge(state, level, from, holdMs));
    const look = looks[index];
    if (look !== undefined && to !== Number.POSITIVE_INFINITY) take(settle(state, from + look * (to - from), holdMs));
  });
  take(settle(state, Number.MAX_SAFE_INTEGER, holdMs));
  return told;
}

describe("a debounced contact, whatever its wire does and whenever it is looked at", () => {
  test("tells each level that lasts, with its beginning, and none that does not", () => {
    fc.assert(
      fc.property(wires, ({ first, lengths, holdMs, looks }) => {
        const held = segments(first, lengths);
        expect(debounced(held, holdMs, looks)).toEqual(expected(held, holdMs));
      }),
      { numRuns },
    );
  });

  test("tells alternating levels, in order, and at last the one at which the wire rests", () => {
    fc.assert(
      fc.property(wires, ({ first, lengths, holdMs, looks }) => {
        const held = segments(first, lengths);
        const told = debounced(held, holdMs, looks);
        expect(told.every(({ level }, index) => index === 0 || level !== told[index - 1]?.level)).toBe(true);
        expect(told.every(({ at }, index) => index === 0 || at >= (told[index - 1]?.at ?? 0) + holdMs)).toBe(true);
        expect(told.at(-1)?.level).toBe(held.at(-1)?.level);
      }),
      { numRuns },
    );
  });

  test("takes a second edge to the same level for a moment of the other one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 1000 }), fc.integer({ min: 1, max: 2000 }), (holdMs, gap) => {
        const low = settle(reading(unknownLevel, false, 0, holdMs).state, 5_000, holdMs).state;
        const once = edge(low, true, 6_000, holdMs);
        const twice = edge(once.state, true, 6_000 + gap, holdMs);
        expect(twice.change).toEqual(gap >= holdMs ? { level: true, at: 6_000 } : undefined);
        const later = settle(twice.state, 6_000 + gap + holdMs, holdMs);
        expect(later.change).toEqual(gap >= holdMs ? undefined : { level: true, at: 6_000 + gap });
      }),
      { numRuns },
    );
  });
});

describe("chattering", () => {
  test("is told of more edges than a contact makes and never of fewer, and its memory is bounded", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 300 }),
        fc.integer({ min: 10, max: 100 }),
        (gaps, edgesPerSecond) => {
          let at = 0;
          let state = calm;
          const times: number[] = [];
          for (const gap of gaps) {
            at += gap;
            times.push(at);
            state = heard(calmed(state, at), at, { edgesPerSecond });
            const inTwoSeconds = times.filter((time) => at - time < 2_000).length;
            if (inTwoSeconds >= 2 * edgesPerSecond) expect(state.chattering).toBe(true);
            expect(state.edges.length).toBeLessThanOrEqual(2 * edgesPerSecond);
          }
          if (times.length < 2 * edgesPerSecond) expect(state.chattering).toBe(false);
          expect(calmed(state, at + 10_000).chattering).toBe(false);
        },
      ),
      { numRuns: Math.min(numRuns, 10_000) },
    );
  });

  test("is also a door that opens and shuts twice a second, on and on", () => {
    let state = calm;
    for (let n = 0; n < 20; n += 1) {
      expect(state.chattering).toBe(false);
      state = changed(heard(state, n * 480, { edgesPerSecond: 100 }), n * 480);
    }
    expect(state.chattering).toBe(true);
  });
});
