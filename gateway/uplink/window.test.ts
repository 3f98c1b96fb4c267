import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Settlement, type Ticket, Window } from "./window.ts";

describe("the window", () => {
  test("moves the cursor only over what is settled without a gap", () => {
    const window = new Window(10);
    const [a, b, c] = [window.open(11), window.open(12), window.open(13)];
    expect(window.settle(b, "delivered")).toBeUndefined();
    expect(window.cursor).toBe(10);
    expect(window.settle(a, "delivered")).toEqual({ cursor: 12, delivered: 2, quarantined: 0, holes: 0 });
    expect(window.inFlight).toBe(1);
    expect(window.settle(c, "quarantined")).toEqual({ cursor: 13, delivered: 0, quarantined: 1, holes: 0 });
  });

  test("counts the numbers that were never there when it passes them", () => {
    const window = new Window(0);
    expect(window.settle(window.open(5), "delivered")).toEqual({ cursor: 5, delivered: 1, quarantined: 0, holes: 4 });
    expect(window.settle(window.open(6), "hole")).toEqual({ cursor: 6, delivered: 0, quarantined: 0, holes: 1 });
  });

  test("takes no entry twice and none out of order", () => {
    const window = new Window(3);
    expect(() => window.open(3)).toThrow(RangeError);
    window.open(7);
    expect(() => window.open(7)).toThrow(RangeError);
    expect(() => window.open(5)).toThrow(RangeError);
  });

  test("counts a second acknowledgement of the same entry for nothing", () => {
    const window = new Window(0);
    const ticket = window.open(1);
    window.settle(ticket, "delivered");
    expect(window.settle(ticket, "delivered")).toBeUndefined();
    expect(window.inFlight).toBe(0);
  });

  test("accounts for every number up to the cursor, whatever the order of the acknowledgements", () => {
    const settlement = fc.constantFrom<Settlement>("delivered", "quarantined", "hole");
    const entry = fc.record({ step: fc.integer({ min: 1, max: 4 }), settlement, when: fc.nat(1_000_000) });
    fc.assert(
      fc.property(fc.nat(1000), fc.array(entry, { maxLength: 200 }), fc.nat(200), (start, entries, left) => {
        const window = new Window(start);
        let seq = start;
        const open: { ticket: Ticket; settlement: Settlement; when: number }[] = entries.map((e) => {
          seq += e.step;
          return { ticket: window.open(seq), settlement: e.settlement, when: e.when };
        });
        const order = open.toSorted((a, b) => a.when - b.when).slice(0, Math.max(0, open.length - left));
        const sum = { delivered: 0, quarantined: 0, holes: 0 };
        const settled = new Set<number>();
        for (const { ticket, settlement: how } of order) {
          settled.add(ticket.seq);
          const before = window.cursor;
          const passage = window.settle(ticket, how);
          sum.delivered += passage?.delivered ?? 0;
          sum.quarantined += passage?.quarantined ?? 0;
          sum.holes += passage?.holes ?? 0;
          expect(window.cursor).toBeGreaterThanOrEqual(before);
          // Nothing that is not settled was passed, and nothing was forgotten.
          const unsettled = open.find(({ ticket: t }) => !settled.has(t.seq));
          expect(window.cursor).toBeLessThan(unsettled?.ticket.seq ?? Number.POSITIVE_INFINITY);
          expect(window.oldest?.seq).toBe(unsettled?.ticket.seq);
          expect(window.cursor - start).toBe(sum.delivered + sum.quarantined + sum.holes);
        }
        expect(window.inFlight).toBe(open.length - order.length);
        expect(window.span).toBeLessThanOrEqual(open.length);
      }),
    );
  });

  test("forgets what it passed: a million entries leave nothing behind", () => {
    const window = new Window(0);
    for (let seq = 1; seq <= 1_000_000; seq++) {
      window.settle(window.open(seq), "delivered");
      if (window.span > 0) throw new Error(`span ${window.span}`);
    }
    expect(window.cursor).toBe(1_000_000);
  });
});
