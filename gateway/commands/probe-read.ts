import { type Decoded, decodeRegister } from "../../drivers/modbus/decode.ts";
import { durationMs } from "../../drivers/modbus/duration.ts";
import type { ReadFunction } from "../../drivers/modbus/pdu.ts";
import type { Profile } from "../../drivers/modbus/profile.ts";
import { readBatch } from "../../drivers/modbus/read-batch.ts";
import { planOf } from "../../drivers/modbus/register-plan.ts";
import type { ModbusLine } from "../ports/driver.ts";

/** One request with what came of it. */
export interface Request {
  readonly function: ReadFunction;
  readonly address: number;
  readonly count: number;
  readonly ok: boolean;
  readonly registers: readonly number[];
  /** `timeout`, `bad-crc`, `exception` … and what it was, where it was not answered. */
  readonly why?: string;
  readonly detail?: string;
}

/** A register of the profile as it was read. */
export interface ReadRegister extends Decoded {
  readonly function: ReadFunction;
  readonly address: number;
  readonly unit?: "°C" | "MPa";
}

export interface Reading {
  readonly requests: readonly Request[];
  /** Empty where no profile was given; what was not answered is not there. */
  readonly registers: readonly ReadRegister[];
}

export async function readRaw(
  line: ModbusLine,
  unit: number,
  span: { readonly function: ReadFunction; readonly address: number; readonly count: number },
  timeoutMs: number,
): Promise<Reading> {
  return { requests: [await request(line, unit, span, timeoutMs)], registers: [] };
}

/** All of a profile's registers, as a poll of the gateway reads them. */
export async function readByProfile(
  line: ModbusLine,
  unit: number,
  profile: Profile,
  timeoutMs = durationMs(profile.answerWithin),
): Promise<Reading> {
  const requests: Request[] = [];
  for (const { function: fn, address, count } of planOf(profile))
    requests.push(await request(line, unit, { function: fn, address, count }, timeoutMs));
  const words = new Map(
    requests.flatMap(({ function: fn, address, registers }) =>
      registers.map((word, at): [string, number] => [`${fn}:${address + at}`, word]),
    ),
  );
  const registers = profile.registers.flatMap((register): ReadRegister[] => {
    const decoded = decodeRegister(register, (fn, address) => words.get(`${fn}:${address}`));
    if (decoded === undefined) return [];
    const { function: fn, address, name, bits, codes, points } = register;
    const measures = bits === undefined && codes === undefined && points === undefined;
    return [
      { ...decoded, function: fn, address, ...(measures ? { unit: name === "temperature" ? "°C" : "MPa" } : {}) },
    ];
  });
  return { requests, registers };
}

async function request(
  line: ModbusLine,
  unit: number,
  span: { readonly function: ReadFunction; readonly address: number; readonly count: number },
  timeoutMs: number,
): Promise<Request> {
  const exchange = await readBatch(line, unit, span, { timeoutMs });
  if (exchange.ok) return { ...span, ok: true, registers: exchange.registers };
  return { ...span, ok: false, registers: [], why: exchange.why, detail: exchange.detail };
}
