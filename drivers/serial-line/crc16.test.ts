import { describe, expect, it } from "vitest";
import { crc16, hasValidCrc, withCrc } from "./crc16.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("the checksum of Modbus RTU", () => {
  it.each([
    ["01 03 00 04 00 01", "c5 cb"],
    ["01 03 02 00 12", "38 49"],
    ["01 03 00 00 00 02", "c4 0b"],
  ])("of %s is %s", (body, crc) => {
    expect(Buffer.from(withCrc(bytes(body)))).toEqual(Buffer.from(bytes(body + crc)));
    expect(hasValidCrc(bytes(body + crc))).toBe(true);
  });

  it("is 0x4B37 for the catalogue's check string (CRC-16/MODBUS)", () => {
    expect(crc16(Buffer.from("123456789"))).toBe(0x4b37);
  });

  it("shows each single flipped bit", () => {
    const sound = bytes("11 03 06 00 fa 04 b0 00 01");
    const frame = withCrc(sound);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = Uint8Array.from(frame);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(hasValidCrc(flipped)).toBe(false);
    }
  });

  it("is not found in what is too short to be a frame", () => {
    expect(hasValidCrc(bytes("ff ff"))).toBe(false);
    expect(hasValidCrc(new Uint8Array(0))).toBe(false);
  });
});
