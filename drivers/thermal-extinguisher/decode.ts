import type { Register, Unit } from "./profile.ts";
import { type Batch, sizeOf } from "./register-plan.ts";

/** What one answered batch says. */
export interface Values {
  readonly temperatureC?: number;
  readonly pressureMpa?: number;
  /** By the name of the bit, `!` applied. */
  readonly bits: ReadonlyMap<string, boolean>;
  /** Registers that were read and cannot be believed, with why. */
  readonly invalid: ReadonlyMap<string, string>;
}

const validByDefault = {
  /** The range of the usual sensors; a fire is alarmed long before its end. */
  temperature: { min: -40, max: 125 },
  pressure: { min: -0.1, max: 25 },
};

/** 1 psi = 6894.757293168 Pa; 1 bar = 0.1 MPa. */
const toBase: Readonly<Record<Unit, (value: number) => number>> = {
  degC: (value) => value,
  degF: (value) => ((value - 32) * 5) / 9,
  K: (value) => value - 273.15,
  MPa: (value) => value,
  kPa: (value) => value / 1000,
  bar: (value) => value / 10,
  psi: (value) => value * 0.006894757293168,
};

/** Registers, or bits as 0 and 1, as they came → values in °C and MPa. */
export function decode(batch: Batch, answer: readonly number[]): Values {
  const bits = new Map<string, boolean>();
  const invalid = new Map<string, string>();
  const readings: { temperatureC?: number; pressureMpa?: number } = {};
  for (const register of batch.registers) {
    const from = register.address - batch.address;
    const words = answer.slice(from, from + sizeOf(register));
    if (register.bits !== undefined) {
      for (const [name, value] of bitsOf(register, register.bits, words)) bits.set(name, value);
      continue;
    }
    const value = measured(register, words);
    const doubt = doubtOf(register, value);
    if (doubt !== undefined) invalid.set(register.name, doubt);
    else if (register.name === "temperature") readings.temperatureC = value;
    else readings.pressureMpa = value;
  }
  return { ...readings, bits, invalid };
}

function* bitsOf(
  register: Register,
  names: Readonly<Record<string, string>>,
  words: readonly number[],
): Generator<[string, boolean]> {
  const word = swapsBytes(register) ? swapBytes(words[0] ?? 0) : (words[0] ?? 0);
  for (const [position, name] of Object.entries(names)) {
    const bit = Number(position);
    const set = (register.function <= 2 ? (words[bit] ?? 0) : (word >> bit) & 1) === 1;
    yield name.startsWith("!") ? [name.slice(1), !set] : [name, set];
  }
}

/** In °C or MPa, rounded to 1e-6: what binary fractions add beyond that was never measured. */
function measured(register: Register, words: readonly number[]): number {
  const unit = register.unit ?? (register.name === "temperature" ? "degC" : "MPa");
  const value = toBase[unit](rawOf(register, words) * register.scale + register.offset);
  return Math.round(value * 1e6) / 1e6;
}

function rawOf(register: Register, words: readonly number[]): number {
  const view = new DataView(new ArrayBuffer(4));
  const ordered = register.order === "CDAB" || register.order === "DCBA" ? [...words].reverse() : words;
  ordered.forEach((word, i) => {
    view.setUint16(2 * i, swapsBytes(register) ? swapBytes(word) : word);
  });
  switch (register.type) {
    case "int16":
      return view.getInt16(0);
    case "uint16":
      return view.getUint16(0);
    case "int32":
      return view.getInt32(0);
    case "uint32":
      return view.getUint32(0);
    case "float32":
      return view.getFloat32(0);
  }
}

function doubtOf(register: Register, value: number): string | undefined {
  const temperature = register.name === "temperature";
  const { min, max } = register.valid ?? (temperature ? validByDefault.temperature : validByDefault.pressure);
  const shown = `${register.name} ${value} ${temperature ? "°C" : "MPa"}`;
  if (!Number.isFinite(value)) return `${register.name} is no number`;
  if (register.sentinels.some((sentinel) => Math.abs(sentinel - value) < 1e-6)) return `${shown} stands for no value`;
  if (value < min || value > max) return `${shown} is outside ${min} to ${max}`;
  return undefined;
}

function swapsBytes({ order }: Register): boolean {
  return order === "BADC" || order === "DCBA";
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
