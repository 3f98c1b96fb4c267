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

/** A request of function 1 to 6; of a write `count` is its value. */
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

/** The four tables of a slave, by address; where there is nothing the slave refuses. A write calls `write`, where there is one. */
export interface Tables {
  readonly coils?: ReadonlyMap<number, number>;
  readonly inputs?: ReadonlyMap<number, number>;
  readonly holding?: ReadonlyMap<number, number>;
  readonly input?: ReadonlyMap<number, number>;
  /** Function 5 (0 or 0xFF00) or 6. False where it is refused. */
  readonly write?: (fn: 5 | 6, address: number, value: number) => boolean;
}

/** Holding registers from address 0 on. */
export function fromZero(registers: readonly number[]): ReadonlyMap<number, number> {
  return new Map(registers.map((value, address): [number, number] => [address, value]));
}

/** The answer without unit and checksum: values, the copy of a write, or exception 1, 2 or 3. */
export function answerPdu({ fn, address, count }: Omit<Request, "unit">, tables: Tables): number[] {
  const refuse = (code: number): number[] => [fn | 0x80, code];
  if (fn === 5 || fn === 6) {
    if (tables.write === undefined) return refuse(1);
    if (fn === 5 && count !== 0 && count !== 0xff00) return refuse(3);
    return tables.write(fn, address, count)
      ? [fn, address >>> 8, address & 0xff, count >>> 8, count & 0xff]
      : refuse(2);
  }
  const table = [tables.coils, tables.inputs, tables.holding, tables.input][fn - 1];
  if (table === undefined) return refuse(1);
  if (count < 1 || count > (fn <= 2 ? 2000 : 125)) return refuse(3);
  const found = Array.from({ length: count }, (_, i) => table.get(address + i));
  const values = found.filter((value) => value !== undefined);
  if (values.length < count) return refuse(2);
  if (fn >= 3) return [fn, count * 2, ...values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff])];
  const bytes = new Array<number>(Math.ceil(count / 8)).fill(0);
  values.forEach((bit, i) => {
    if (bit !== 0) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return [fn, bytes.length, ...bytes];
}

/** The whole answer on a serial line. */
export function answer(request: Request, tables: Tables): Buffer {
  return sealed([request.unit, ...answerPdu(request, tables)]);
}
