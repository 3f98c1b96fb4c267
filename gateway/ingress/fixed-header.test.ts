import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { connectPacket, publishPacket } from "../../tests/support/ingress/raw-device.ts";
import { FixedHeaderScanner, largeBytes, type Scan } from "./fixed-header.ts";

const limits = { packetBytes: 4 * 1024 * 1024, controlBytes: 16 * 1024 };
const connect = connectPacket({ username: "u", password: "p" });

/** Scans all chunks through every stop; answers with the stops and their absolute offsets. */
function stopsOf(chunks: readonly Uint8Array[], scanner = new FixedHeaderScanner(limits)) {
  const stops: { stop: Scan["stop"]; at: number; fault?: string }[] = [];
  let base = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const scan = scanner.scan(chunk, at);
      at = scan.at;
      if (scan.stop !== "end") {
        stops.push({ stop: scan.stop, at: base + at, ...(scan.fault === undefined ? {} : { fault: scan.fault }) });
      }
      if (scan.fault !== undefined) return { stops, packets: scanner.packets };
    }
    base += chunk.length;
  }
  return { stops, packets: scanner.packets };
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const faultOf = (...chunks: Uint8Array[]) => stopsOf(chunks).stops.at(-1)?.fault;

describe("the scanner of fixed headers", () => {
  it("finds the end of a CONNECT, so that nothing behind it is handed on before the sign-in", () => {
    const { stops } = stopsOf([Buffer.concat([connect, publishPacket("a", "x", 1)])]);
    expect(stops).toEqual([{ stop: "connect-done", at: connect.length }]);
  });

  it("sees the same in a stream however it is cut into pieces", () => {
    const stream = Buffer.concat([
      connect,
      publishPacket("up", Buffer.alloc(largeBytes + 1), 1, 7),
      generate({ cmd: "pingreq" }),
      publishPacket("up", Buffer.alloc(200), 0),
      generate({ cmd: "disconnect" }),
    ]);
    const whole = stopsOf([stream]);
    expect(whole.packets).toBe(5);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 20 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const pieces = edges.slice(1).map((to, index) => stream.subarray(edges[index], to));
        expect(stopsOf(pieces)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
    expect(stopsOf([...stream].map((byte) => bytes(byte)))).toEqual(whole);
  });

  it("agrees with the MQTT library on where each packet ends", () => {
    const packet = fc.oneof(
      fc.record({
        cmd: fc.constant("publish" as const),
        topic: fc.string({ minLength: 1, maxLength: 20 }),
        payload: fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
        qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
        messageId: fc.integer({ min: 1, max: 65535 }),
        dup: fc.constant(false),
        retain: fc.boolean(),
      }),
      fc.constant({ cmd: "pingreq" as const }),
      fc.record({
        cmd: fc.constantFrom("puback" as const, "pubrel" as const),
        messageId: fc.integer({ min: 1, max: 65535 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 10 }), (packets: Packet[]) => {
        const stream = Buffer.concat([connect, ...packets.map((each) => generate(each))]);
        const { stops, packets: seen } = stopsOf([stream]);
        expect(stops.map(({ stop }) => stop)).toEqual(["connect-done"]);
        expect(seen).toBe(packets.length + 1);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses a length of 150 MiB at its last length byte", () => {
    const header = bytes(0x30, 0x80, 0x80, 0x80, 0x4b);
    const { stops } = stopsOf([connect, header]);
    expect(stops.at(-1)).toEqual({ stop: "fault", at: connect.length + header.length, fault: "too-big" });
  });

  it("accepts a packet of exactly the limit and refuses one byte more", () => {
    const most = publishPacket("a", Buffer.alloc(limits.packetBytes - 3), 0);
    expect(faultOf(connect, most)).toBeUndefined();
    expect(faultOf(connect, publishPacket("a", Buffer.alloc(limits.packetBytes - 2), 0))).toBe("too-big");
  });

  it("refuses a length whose fourth byte says that a fifth follows", () => {
    expect(faultOf(connect, bytes(0x30, 0xff, 0xff, 0xff, 0xff))).toBe("malformed-length");
  });

  it("wants a CONNECT first, small, and only once", () => {
    expect(faultOf(publishPacket("a", "x", 0))).toBe("not-connect-first");
    expect(faultOf(bytes(0x16, 0x03, 0x01))).toBe("not-connect-first");
    expect(faultOf(bytes(0x10, 0xff, 0xff, 0x7f))).toBe("too-big");
    expect(faultOf(connect, connect)).toBe("second-connect");
  });

  it("refuses what only a server may send, and acknowledgements and pings with a body", () => {
    for (const type of [0x00, 0x20, 0x90, 0xb0, 0xd0, 0xf0])
      expect(faultOf(connect, bytes(type, 0))).toBe("unexpected-packet");
    expect(faultOf(connect, bytes(0x40, 3))).toBe("too-big");
    expect(faultOf(connect, bytes(0xc0, 1))).toBe("too-big");
    expect(faultOf(connect, bytes(0xe0, 1))).toBe("too-big");
  });

  it("notes a goodbye", () => {
    const scanner = new FixedHeaderScanner(limits);
    stopsOf([connect], scanner);
    expect(scanner.goodbye).toBe(false);
    stopsOf([generate({ cmd: "disconnect" })], scanner);
    expect(scanner.goodbye).toBe(true);
  });
});
