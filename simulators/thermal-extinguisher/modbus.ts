/** CRC-16/MODBUS (polynomial 0xA001 reflected, start 0xFFFF), sent low byte first. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

export function sealed(body: readonly number[]): Buffer {
  const bytes = Buffer.from(body);
  const crc = crc16(bytes);
  return Buffer.concat([bytes, Buffer.from([crc & 0xff, crc >>> 8])]);
}

/** A request of function 1 to 4: everything that a master can ask of these units. */
export interface Request {
  readonly unit: number;
  readonly fn: number;
  readonly address: number;
  readonly count: number;
}

/** Requests of functions 1 to 6 are 8 bytes long. */
export const requestBytes = 8;

/** Absent where the CRC is wrong: a slave is silent then. */
export function parseRequest(frame: Uint8Array): Request | undefined {
  const bytes = Buffer.from(frame);
  if (bytes.length !== requestBytes || crc16(bytes.subarray(0, 6)) !== bytes.readUInt16LE(6)) return undefined;
  return {
    unit: bytes.readUInt8(0),
    fn: bytes.readUInt8(1),
    address: bytes.readUInt16BE(2),
    count: bytes.readUInt16BE(4),
  };
}

/** The answer of a unit whose holding registers are these, from address 0: values, or exception 1, 2 or 3. */
export function answer(request: Request, registers: readonly number[]): Buffer {
  const { unit, fn, address, count } = request;
  if (fn !== 3) return sealed([unit, fn | 0x80, 1]);
  if (count < 1 || count > 125) return sealed([unit, fn | 0x80, 3]);
  if (address + count > registers.length) return sealed([unit, fn | 0x80, 2]);
  const values = registers.slice(address, address + count);
  return sealed([unit, fn, count * 2, ...values.flatMap((value) => [value >>> 8, value & 0xff])]);
}
