import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Adu, AduFramer, encodeAdu, judgeAdu } from "./mbap.ts";
import type { ReadRequest, Request, WriteRequest } from "./pdu.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const asked: ReadRequest = { unit: 17, function: 3, address: 0, count: 3 };
const answered = bytes("1501 0000 0009 11 03 06 00fa 04b0 0001");

/** What an answer says when it comes in these pieces. */
function framed(...pieces: Uint8Array[]): { adus: readonly Adu[]; broken: string | undefined } {
  const framer = new AduFramer();
  const adus = pieces.flatMap((piece) => [...framer.push(piece)]);
  return { adus, broken: framer.broken };
}

describe("a request over TCP", () => {
  it("has transaction, protocol 0, length and unit in front (implementation guide V1.0b, §3.1.3, example of §4.2)", () => {
    const example: ReadRequest = { unit: 0xff, function: 3, address: 5, count: 1 };
    expect(hex(encodeAdu(0x1501, example))).toBe("150100000006ff0300050001");
  });

  it("of a write has its value", () => {
    const coil: WriteRequest = { unit: 1, function: 5, address: 172, value: 1 };
    expect(hex(encodeAdu(1, coil))).toBe("00010000000601" + "0500acff00");
  });
});

describe("a stream of answers", () => {
  it("is cut into them however it comes in", () => {
    const second = bytes("1502 0000 0003 11 83 02");
    const all = Uint8Array.of(...answered, ...second);
    for (let cut = 0; cut <= all.length; cut++) {
      const { adus, broken } = framed(all.subarray(0, cut), all.subarray(cut));
      expect(adus.map(({ transaction }) => transaction)).toEqual([0x1501, 0x1502]);
      expect(broken).toBeUndefined();
    }
  });

  it.each([
    ["another protocol", "1501 0001 0006 11 03 02 00 01"],
    ["a length beyond any PDU", "1501 0000 00ff 11 03"],
    ["no room for a PDU", "1501 0000 0002 11 03"],
    ["text", "48545450 2f312e31 20343030"],
  ])("is broken by %s, for good", (_, wrong) => {
    const framer = new AduFramer();
    expect(framer.push(bytes(wrong))).toEqual([]);
    expect(framer.broken).toBeDefined();
    expect(framer.push(answered)).toEqual([]);
  });
});

describe("an answer over TCP", () => {
  const judged = (request: Request, text: string) => {
    const [adu] = framed(bytes(text)).adus;
    if (adu === undefined) throw new Error("no ADU");
    return judgeAdu(request, adu);
  };

  it("is taken when unit, function and byte count are those asked for", () => {
    expect(judged(asked, hex(answered))).toEqual({ kind: "answer", values: [250, 1200, 1] });
  });

  it.each([
    ["another unit", "1501 0000 0009 12 03 06 00fa 04b0 0001"],
    ["another function", "1501 0000 0009 11 04 06 00fa 04b0 0001"],
    ["another byte count", "1501 0000 0007 11 03 04 00fa 04b0"],
    ["a byte count that lies", "1501 0000 0007 11 03 06 00fa 04b0"],
    ["more behind it", "1501 0000 000b 11 03 06 00fa 04b0 0001 0000"],
    ["an exception with more behind it", "1501 0000 0004 11 83 02 00"],
    ["an exception to another function", "1501 0000 0003 11 84 02"],
  ])("is not taken with %s", (_, text) => {
    expect(judged(asked, text).kind).toBe("foreign");
  });

  it("to a write is its copy", () => {
    const coil: WriteRequest = { unit: 1, function: 5, address: 172, value: 1 };
    expect(judged(coil, hex(encodeAdu(9, coil)))).toEqual({ kind: "answer", values: [] });
    expect(judged(coil, hex(encodeAdu(9, { ...coil, value: 0 }))).kind).toBe("foreign");
  });

  it("that is an exception is told with its name: 11 is a slave that does not answer its gateway", () => {
    expect(judged(asked, "1501 0000 0003 11 83 0b")).toEqual({
      kind: "exception",
      code: 11,
      detail: "exception 11: gateway target device failed to respond",
    });
  });
});

it("no stream of bytes, in no pieces, makes an answer of what is none, nor a failure of ours", () => {
  const frame = fc
    .record({
      transaction: fc.constantFrom(0x1501, 0x1502),
      protocol: fc.constantFrom(0, 0, 0, 1),
      unit: fc.constantFrom(17, 17, 18),
      pdu: fc.oneof(
        fc.constantFrom(...["0306" + "00fa04b00001", "8302", "830b", "0304" + "00fa04b0", "03"].map(bytes)),
        fc.uint8Array({ maxLength: 12 }),
      ),
      lie: fc.constantFrom(0, 0, 0, 1, -1, 300),
    })
    .map(({ transaction, protocol, unit, pdu, lie }) => {
      const counted = Math.max(0, pdu.length + 1 + lie);
      return Uint8Array.of(transaction >> 8, transaction & 255, 0, protocol, counted >> 8, counted & 255, unit, ...pdu);
    });
  const stream = fc.array(fc.oneof({ weight: 4, arbitrary: frame }, fc.uint8Array({ maxLength: 9 })), { maxLength: 6 });
  fc.assert(
    fc.property(stream, fc.array(fc.nat(80), { maxLength: 5 }), (frames, cuts) => {
      const all = Uint8Array.from(frames.flatMap((each) => [...each]));
      const at = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
      const { adus } = framed(...at.slice(1).map((end, i) => all.subarray(at[i], end)));
      expect(framed(all).adus).toEqual(adus);
      for (const adu of adus) {
        const reply = judgeAdu(asked, adu);
        if (reply.kind !== "answer") continue;
        expect(adu.unit).toBe(17);
        expect(hex(adu.pdu)).toMatch(/^0306[0-9a-f]{12}$/);
        expect(reply.values).toHaveLength(3);
      }
    }),
    { numRuns },
  );
}, 300_000);
