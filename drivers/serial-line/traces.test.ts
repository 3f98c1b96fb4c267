import { beforeEach, describe, expect, it } from "vitest";
import type { ReadRequest } from "../modbus/pdu.ts";
import { timingOf } from "./timing.ts";
import { Traces } from "./traces.ts";

const timing = timingOf({
  id: "a",
  path: "/dev/x",
  baudRate: 9600,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
  lateBoundMs: 1000,
  doubleBoundMs: 100,
});
const three: ReadRequest = { unit: 17, function: 3, address: 0, count: 3 };
const elsewhere: ReadRequest = { ...three, address: 40 };
const one: ReadRequest = { ...three, count: 1 };
/** The late answer has to come in too, through the adapter. */
const tail = timing.wireMs(11) + timing.quietMs;

let traces: Traces;
beforeEach(() => {
  traces = new Traces(timing);
});

describe("what may still come from a unit", () => {
  it("is nothing at first", () => {
    expect(traces.clearAt(three)).toBe(Number.NEGATIVE_INFINITY);
    expect(traces.proofFor(three)).toBeUndefined();
  });

  it("bars an unanswered shape for the bound and the time of the late answer, at any address", () => {
    traces.left(three, 5000);
    expect(traces.clearAt(elsewhere)).toBeCloseTo(6000 + tail);
    expect(traces.clearAt(one)).toBe(Number.NEGATIVE_INFINITY);
    expect(traces.clearAt({ ...three, function: 4 })).toBe(Number.NEGATIVE_INFINITY);
  });

  it("bars an answered shape only for as long as it may be sent twice", () => {
    traces.left(three, 5000);
    traces.answered(three, 5030);
    expect(traces.clearAt(elsewhere)).toBe(5130);
    expect(traces.proofFor(elsewhere)).toBeUndefined();
  });

  it("asks for a proof of another shape after a silence, and for none when the unit has given it", () => {
    traces.left(three, 5000);
    const proof = traces.proofFor(elsewhere);
    expect(proof).toEqual({ ...elsewhere, count: 2 });
    if (proof === undefined) return;
    traces.left(proof, 7000);
    traces.answered(proof, 7030);
    expect(traces.proofFor(elsewhere)).toBeUndefined();
    // A slave need not answer in order within the bound.
    expect(traces.clearAt(elsewhere)).toBeCloseTo(6000 + tail);
  });

  it("takes the shape that was used longest ago when each is in doubt, and none where there is but one", () => {
    traces.left(three, 1000);
    traces.left({ ...three, count: 2 }, 2000);
    traces.left(one, 3000);
    expect(traces.proofFor(three)).toBeUndefined();
    traces.left(three, 4000);
    expect(traces.proofFor(three)).toEqual({ ...three, count: 2 });
    expect(traces.proofFor(one)).toBeUndefined();
  });

  it("proves bits by another number of bytes", () => {
    const coils: ReadRequest = { unit: 17, function: 1, address: 8, count: 17 };
    traces.left(coils, 1000);
    expect(traces.proofFor(coils)).toEqual({ ...coils, count: 16 });
    const few: ReadRequest = { ...coils, unit: 18, count: 3 };
    const others = new Traces(timing);
    others.left(few, 1000);
    expect(others.proofFor(few)).toBeUndefined();
  });

  it("takes an exception as the answer where no other request of the function is open", () => {
    traces.left(three, 5000);
    traces.excepted(three, 5030);
    expect(traces.clearAt(three)).toBe(5130);
    traces.left(three, 6000);
    traces.left(one, 6100);
    traces.excepted(one, 6130);
    expect(traces.clearAt(one)).toBeGreaterThan(7100);
  });

  it("bars all that was asked of late when something comes unasked", () => {
    traces.left(three, 5000);
    traces.answered(three, 5030);
    traces.left(one, 3000);
    traces.answered(one, 3030);
    traces.stray(5500);
    expect(traces.clearAt(three)).toBeCloseTo(6500 + tail);
    expect(traces.clearAt(one)).toBe(3130);
  });
});
