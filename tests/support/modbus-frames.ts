/** A slave's side of Modbus RTU, written from the specification and not from the driver: an error in one shows in the other. */

export interface Asked {
  readonly unit: number;
  readonly function: number;
  readonly address: number;
  readonly count: number;
  /** As they came. */
  readonly bytes: Uint8Array;
}

/** What a slave sends: bytes, so long after what it sent before, or after the request. */
export interface Act {
  readonly afterMs?: number;
  readonly bytes: Uint8Array;
}

/** What a slave does about a request. */
export type Script = (asked: Asked) => readonly Act[];

/** Bit by bit, as the flow chart of MODBUS over serial line V1.02, §6.2.2 has it. */
function checksum(bytes: readonly number[]): readonly [low: number, high: number] {
  let register = 0xffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let shift = 0; shift < 8; shift++) {
      const carry = register % 2;
      register = Math.floor(register / 2);
      if (carry === 1) register ^= 0xa001;
    }
  }
  return [register % 256, Math.floor(register / 256)];
}

export function frame(unit: number, fn: number, body: readonly number[]): Uint8Array {
  const bytes = [unit, fn, ...body];
  return Uint8Array.from([...bytes, ...checksum(bytes)]);
}

/** Requests of eight bytes are all that a slave of these tests gets; a wrong checksum makes it deaf, as it has to be. */
export function asked(bytes: Uint8Array): Asked | undefined {
  const [unit = 0, fn = 0, a = 0, b = 0, c = 0, d = 0, low, high] = bytes;
  const [expectedLow, expectedHigh] = checksum([unit, fn, a, b, c, d]);
  if (bytes.length !== 8 || low !== expectedLow || high !== expectedHigh) return undefined;
  return { unit, function: fn, address: a * 256 + b, count: c * 256 + d, bytes };
}

export function registersReply(request: Pick<Asked, "unit" | "function">, values: readonly number[]): Uint8Array {
  const data = values.flatMap((value) => [Math.floor(value / 256) % 256, value % 256]);
  return frame(request.unit, request.function, [data.length, ...data]);
}

export function bitsReply(request: Pick<Asked, "unit" | "function">, bits: readonly boolean[]): Uint8Array {
  const data = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  bits.forEach((bit, i) => {
    if (bit) data[Math.floor(i / 8)] = (data[Math.floor(i / 8)] ?? 0) + 2 ** (i % 8);
  });
  return frame(request.unit, request.function, [data.length, ...data]);
}

export function exceptionReply(request: Pick<Asked, "unit" | "function">, code: number): Uint8Array {
  return frame(request.unit, request.function + 128, [code]);
}

/** The same frame with one bit turned. */
export function damaged(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
