/** One entry a byte value: polynomial 0x8005 bit-reversed (0xA001). */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** CRC-16 of MODBUS over serial line V1.02, §6.2.2: begins with 0xFFFF; its low byte goes first on the wire. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** The frame with its checksum appended. */
export function withCrc(body: Uint8Array): Uint8Array {
  const crc = crc16(body);
  return Uint8Array.of(...body, crc & 0xff, crc >>> 8);
}

/** Are the last two bytes the checksum of those before? The CRC over a whole sound frame is zero. */
export function hasValidCrc(frame: Uint8Array): boolean {
  return frame.length >= 4 && crc16(frame) === 0;
}
