import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReadRequest } from "../modbus/pdu.ts";
import { withCrc } from "./crc16.ts";
import { encodeRequest, judge, replyBytes, shapeOf } from "./rtu-frame.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const asked: ReadRequest = { unit: 17, function: 3, address: 0, count: 3 };
const answer = withCrc(bytes("11 03 06 00 fa 04 b0 00 01"));
const kindOf = (received: Uint8Array, hearing: Partial<Parameters<typeof judge>[2]> = {}) => {
  const { verdict } = judge(asked, received, { early: 0, ...hearing });
  return verdict.kind === "wrong" ? verdict.why : verdict.kind;
};

describe("a request", () => {
  it("is the one that data sheets print", () => {
    const request = encodeRequest({ unit: 1, function: 3, address: 0, count: 2 });
    expect(Buffer.from(request).toString("hex")).toBe("010300000002c40b");
    expect(Buffer.from(encodeRequest({ unit: 1, function: 3, address: 4, count: 1 })).toString("hex")).toBe(
      "010300040001c5cb",
    );
  });

  it.each([
    { ...asked, unit: 0 },
    { ...asked, unit: 248 },
    { ...asked, count: 0 },
    { ...asked, count: 126 },
    { ...asked, function: 1 as const, count: 2001 },
    { ...asked, address: 65_534, count: 3 },
    { ...asked, address: -1 },
    { ...asked, address: 0.5 },
  ])("that no slave can be asked is refused: %o", (impossible) => {
    expect(() => encodeRequest(impossible)).toThrow(RangeError);
  });

  it("has the shape of its function and its answer's bytes, whatever its address", () => {
    expect(shapeOf(asked)).toBe(shapeOf({ ...asked, address: 40 }));
    expect(shapeOf({ ...asked, function: 1, count: 1 })).toBe(shapeOf({ ...asked, function: 1, count: 8 }));
    expect(new Set([1, 2, 3].map((count) => shapeOf({ ...asked, count }))).size).toBe(3);
    expect(replyBytes({ ...asked, function: 2, count: 9 })).toBe(7);
  });
});

describe("an answer", () => {
  it("is taken when all of it is as asked", () => {
    const vendor = judge({ unit: 1, function: 3, address: 4, count: 1 }, bytes("01 03 02 00 12 38 49"), { early: 0 });
    expect(vendor.verdict).toEqual({ kind: "answer", values: [18] });
    expect(judge(asked, answer, { early: 0 }).verdict).toEqual({ kind: "answer", values: [250, 1200, 1] });
  });

  it("of bits gives them from the lowest bit of the first byte, as many as were asked", () => {
    const request: ReadRequest = { unit: 17, function: 2, address: 196, count: 22 };
    // The example of the application protocol V1.1b3, §6.2.
    const { verdict } = judge(request, withCrc(bytes("11 02 03 ac db 35")), { early: 0 });
    expect(verdict).toEqual({ kind: "answer", values: [..."0011010111011011101011"].map(Number) });
  });

  it("is incomplete for each part of it", () => {
    for (let length = 0; length < answer.length; length++)
      expect(kindOf(answer.subarray(0, length))).toBe("incomplete");
  });

  it("is not taken from another unit, to another function, of another length, with more behind it, or damaged", () => {
    expect(kindOf(withCrc(bytes("12 03 06 00 fa 04 b0 00 01")))).toBe("foreign");
    expect(kindOf(withCrc(bytes("11 04 06 00 fa 04 b0 00 01")))).toBe("foreign");
    expect(kindOf(withCrc(bytes("11 03 04 00 fa 04 b0")))).toBe("foreign");
    expect(kindOf(join(answer, Uint8Array.of(0)))).toBe("foreign");
    expect(kindOf(join(answer, answer))).toBe("foreign");
    expect(kindOf(Uint8Array.from(answer, (byte, i) => (i === 5 ? byte ^ 1 : byte)))).toBe("bad-crc");
  });

  it("is not taken when it began before the request had left", () => {
    expect(kindOf(answer, { early: 1 })).toBe("foreign");
  });

  it("that is an exception is told as one, with its name", () => {
    expect(judge(asked, withCrc(bytes("11 83 02")), { early: 0 }).verdict).toEqual({
      kind: "exception",
      detail: "exception 2: illegal data address",
    });
    expect(kindOf(withCrc(bytes("11 84 02")))).toBe("foreign");
    expect(kindOf(bytes("11 83 02 00 00"))).toBe("bad-crc");
  });
});

describe("the echo of a request", () => {
  const request = encodeRequest(asked);

  it("is stripped when it comes first, early or not", () => {
    expect(judge(asked, join(request, answer), { early: 8 })).toMatchObject({
      echoed: true,
      verdict: { kind: "answer" },
    });
    expect(kindOf(join(request, answer), { echo: true })).toBe("answer");
    expect(kindOf(request)).toBe("incomplete");
    expect(kindOf(request.subarray(0, 5))).toBe("incomplete");
  });

  it("does not excuse an answer that began while it was still going on", () => {
    expect(kindOf(join(request, answer), { early: 9 })).toBe("foreign");
  });

  it("has to be as it was set", () => {
    expect(kindOf(answer, { echo: true })).toBe("foreign");
    expect(kindOf(request, { echo: false })).toBe("foreign");
  });

  it("is never an answer, though it may look like one", () => {
    const ambiguous: ReadRequest = { unit: 17, function: 1, address: 0x0300, count: 24 };
    const echo = encodeRequest(ambiguous);
    expect(judge(ambiguous, echo, { early: 0 }).verdict.kind).toBe("incomplete");
  });
});

it("no bytes but those of an answer are one", () => {
  const noise = fc.uint8Array({ maxLength: 24 });
  const cuts = fc.tuple(noise, fc.nat(12), fc.nat(12), noise).map(([before, from, to, after]) => ({
    received: join(before, answer.slice(Math.min(from, to), Math.max(from, to)), after),
  }));
  fc.assert(
    fc.property(cuts, ({ received }) => {
      const { verdict } = judge(asked, received, { early: 0 });
      if (verdict.kind === "answer") expect(Buffer.from(received)).toEqual(Buffer.from(answer));
    }),
    { numRuns: 2000 },
  );
});
