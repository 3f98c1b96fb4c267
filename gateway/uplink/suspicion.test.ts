import { describe, expect, test } from "vitest";
import { Suspicion } from "./suspicion.ts";
import type { WireEnd } from "./wire-types.ts";

const closed: WireEnd = { kind: "closed", detail: "" };
const said = (code: number): WireEnd => ({ kind: "disconnected", code, detail: "" });

describe("a message on which the broker closes the connection", () => {
  test("is looked for one by one after three ends without progress, and given up after six", () => {
    const suspicion = new Suspicion();
    expect([1, 2].map(() => suspicion.ended(closed, 40, 300))).toEqual([false, false]);
    expect(suspicion.stepwise).toBe(false);
    suspicion.ended(closed, 40, 300);
    expect(suspicion.stepwise).toBe(true);
    expect([4, 5, 6].map(() => suspicion.ended(closed, 40, 1))).toEqual([false, false, true]);
  });

  test("is not suspected while the cursor moves", () => {
    const suspicion = new Suspicion();
    for (let i = 0; i < 100; i++) expect(suspicion.ended(closed, i, 1)).toBe(false);
    for (let i = 0; i < 5; i++) suspicion.ended(closed, 100, 1);
    suspicion.progressed();
    expect(suspicion.stepwise).toBe(false);
    expect(suspicion.ended(closed, 100, 1)).toBe(false);
  });

  test("is given up at once when it was alone and the broker names it (0x95 packet too large)", () => {
    const suspicion = new Suspicion();
    expect(suspicion.ended(said(0x95), 7, 12)).toBe(false);
    expect(suspicion.stepwise).toBe(true);
    expect(suspicion.ended(said(0x95), 7, 1)).toBe(true);
  });

  test("is not suspected when the broker goes, is full, is silent, or nothing was under way", () => {
    const suspicion = new Suspicion();
    const ends: WireEnd[] = [
      said(0x8b),
      said(0x8e),
      said(0x97),
      said(0x93),
      { kind: "silent", what: "publish", detail: "" },
      { kind: "silent", what: "ping", detail: "" },
      { kind: "ended", detail: "" },
    ];
    for (let i = 0; i < 50; i++) for (const end of ends) expect(suspicion.ended(end, 7, 1)).toBe(false);
    for (let i = 0; i < 50; i++) expect(suspicion.ended(closed, 7, 0)).toBe(false);
    expect(suspicion.stepwise).toBe(false);
  });

  test("is the only one until another was delivered: a broker that refuses everything costs one message", () => {
    const suspicion = new Suspicion();
    const givenUp = Array.from({ length: 6 }, () => suspicion.ended(closed, 7, 1)).filter(Boolean);
    expect(givenUp).toEqual([true]);
    suspicion.gaveUp();
    expect(Array.from({ length: 50 }, () => suspicion.ended(closed, 8, 1)).some(Boolean)).toBe(false);
    suspicion.progressed();
    expect(Array.from({ length: 6 }, () => suspicion.ended(closed, 9, 1)).at(-1)).toBe(true);
  });
});
