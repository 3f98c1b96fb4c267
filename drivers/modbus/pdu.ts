/** 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers (MODBUS application protocol V1.1b3, §6.1–6.4). */
export type ReadFunction = 1 | 2 | 3 | 4;

export interface ReadRequest {
  readonly unit: number;
  readonly function: ReadFunction;
  /** 0–65535, as on the wire: register 40001 of a data sheet is function 3, address 0. */
  readonly address: number;
  readonly count: number;
}

/** 5 a coil, 6 a holding register (§6.5, §6.6). A right answer repeats the request. */
export interface WriteRequest {
  readonly unit: number;
  readonly function: 5 | 6;
  readonly address: number;
  /** Of a coil 0 or 1, of a register 0–65535. */
  readonly value: number;
}

export type Request = ReadRequest | WriteRequest;

export function isWrite(request: Request): request is WriteRequest {
  return request.function >= 5;
}

const exceptionNames: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "server device failure",
  5: "acknowledge",
  6: "server device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target device failed to respond",
};

/** §7, for people. */
export function exceptionDetail(code: number): string {
  return `exception ${code}: ${exceptionNames[code] ?? "not in the standard"}`;
}

/** Function, address, and count or value: five bytes. Throws RangeError on what no slave can be asked. */
export function encodePdu(request: Request): Uint8Array {
  const { function: fn, address } = request;
  const span = isWrite(request) ? 1 : request.count;
  const most = fn <= 2 ? 2000 : 125;
  if (!Number.isInteger(span) || span < 1 || span > most) throw new RangeError(`count ${span} is not 1–${most}`);
  if (!Number.isInteger(address) || address < 0 || address + span > 0x1_0000)
    throw new RangeError(`address ${address} with count ${span} is not within 0–65535`);
  const last = isWrite(request) ? wordOf(request) : span;
  return Uint8Array.of(fn, address >> 8, address & 0xff, last >> 8, last & 0xff);
}

/** Data bytes of the answer to a read. */
export function dataBytes({ function: fn, count }: ReadRequest): number {
  return fn <= 2 ? Math.ceil(count / 8) : 2 * count;
}

/** Registers, or bits as 0 and 1 from the lowest bit of the first byte on, as many as were asked. */
export function valuesOf({ function: fn, count }: ReadRequest, data: Uint8Array): readonly number[] {
  const byte = (i: number) => data[i] ?? 0;
  return Array.from({ length: count }, (_, i) =>
    fn <= 2 ? (byte(i >> 3) >> (i & 7)) & 1 : (byte(2 * i) << 8) | byte(2 * i + 1),
  );
}

/** §6.5: a coil is on by 0xFF00 and off by 0. */
function wordOf({ function: fn, value }: WriteRequest): number {
  const most = fn === 5 ? 1 : 0xffff;
  if (!Number.isInteger(value) || value < 0 || value > most) throw new RangeError(`value ${value} is not 0–${most}`);
  return fn === 5 ? value * 0xff00 : value;
}
