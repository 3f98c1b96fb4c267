import { pointName } from "./profile.ts";
import { type PanelEvent, type Points, type Register, sizeOf, type Unit } from "./register.ts";

/** The word at an address, or the bit as 0 or 1; absent where it was not read yet. */
export type WordAt = (fn: Register["function"], address: number) => number | undefined;

/** What one register says. `doubt` says why it cannot be believed; then nothing else of it counts. */
export interface Decoded {
  readonly name: string;
  readonly raw: readonly number[];
  /** In °C for a temperature, MPa for a pressure. */
  readonly value?: number;
  /** By the name of the bit, `!` applied. */
  readonly bits?: readonly (readonly [string, boolean])[];
  readonly points?: readonly (readonly [string, PanelEvent])[];
  readonly doubt?: string;
}

const validByDefault = {
  /** The range of the usual sensors; a fire is alarmed long before its end. */
  temperature: { min: -40, max: 125 },
  pressure: { min: -0.1, max: 25 },
};

const mostDecimals = 7;

/** 1 psi = 6894.757293168 Pa; 1 kgf/cm² = 98,066.5 Pa; 1 m of water = 9806.65 Pa; 1 bar = 0.1 MPa. */
const toBase: Readonly<Record<Unit, (value: number) => number>> = {
  degC: (value) => value,
  degF: (value) => ((value - 32) * 5) / 9,
  K: (value) => value - 273.15,
  MPa: (value) => value,
  kPa: (value) => value / 1e3,
  Pa: (value) => value / 1e6,
  bar: (value) => value / 10,
  mbar: (value) => value / 1e4,
  psi: (value) => value * 0.006894757293168,
  "kgf/cm2": (value) => value * 0.0980665,
  mH2O: (value) => value * 0.00980665,
  mmH2O: (value) => value * 0.00000980665,
};

/** Absent where a word that it needs was not read yet. */
export function decodeRegister(register: Register, wordAt: WordAt): Decoded | undefined {
  const { name, function: fn, address } = register;
  const read = Array.from({ length: sizeOf(register) }, (_, i) => wordAt(fn, address + i));
  const raw = read.filter((word) => word !== undefined);
  if (raw.length < read.length) return undefined;
  const words = swapsBytes(register) ? raw.map(swapBytes) : raw;
  if (register.bits !== undefined) return { name, raw, bits: [...bitsOf(register, register.bits, words)] };
  if (register.codes !== undefined) return { name, raw, ...codeOf(register.codes, words[0] ?? 0, name) };
  if (register.points !== undefined) return { name, raw, ...pointsOf(register.points, words, name) };
  return measured(register, raw, words, wordAt);
}

function* bitsOf(
  register: Register,
  names: Readonly<Record<string, string>>,
  words: readonly number[],
): Generator<[string, boolean]> {
  for (const [position, name] of Object.entries(names)) {
    const bit = Number(position);
    const set = (register.function <= 2 ? (words[bit] ?? 0) : ((words[0] ?? 0) >> bit) & 1) === 1;
    yield name.startsWith("!") ? [name.slice(1), !set] : [name, set];
  }
}

function codeOf(codes: Readonly<Record<string, string>>, value: number, name: string): Pick<Decoded, "bits" | "doubt"> {
  const meant = codes[String(value)];
  if (meant === undefined) return { doubt: `${name} is ${value}, which the profile does not know` };
  const names = [...new Set(Object.values(codes))].filter((each) => each !== "normal");
  return { bits: names.map((each) => [each, each === meant]) };
}

/** One point that says what the profile does not know leaves the others as they are. */
function pointsOf(points: Points, words: readonly number[], name: string): Pick<Decoded, "points" | "doubt"> {
  const { count, width, skip, order, codes } = points;
  const inRegister = 16 / width;
  const unknown: string[] = [];
  const known: [string, PanelEvent][] = [];
  for (let i = 0; i < count; i++) {
    const place = skip + i;
    const from = place % inRegister;
    const shift = (order === "high-first" ? inRegister - 1 - from : from) * width;
    const value = ((words[Math.floor(place / inRegister)] ?? 0) >> shift) & (2 ** width - 1);
    const event = codes[String(value)];
    if (event === undefined) unknown.push(`${pointName(points, i)} is ${value}`);
    else known.push([pointName(points, i), event]);
  }
  if (unknown.length === 0) return { points: known };
  const more = unknown.length > 3 ? ` and ${unknown.length - 3} more` : "";
  return { points: known, doubt: `${name}: ${unknown.slice(0, 3).join(", ")}${more}, which the profile does not know` };
}

function measured(
  register: Register,
  raw: readonly number[],
  words: readonly number[],
  wordAt: WordAt,
): Decoded | undefined {
  const { name, function: fn, decimalsAt, offsetAt, unitAt, scale, offset } = register;
  const at = (address: number | undefined, otherwise: number) =>
    address === undefined ? otherwise : wordAt(fn, address);
  const decimals = at(decimalsAt, 0);
  const added = at(offsetAt, 0);
  const code = at(unitAt?.address, 0);
  if (decimals === undefined || added === undefined || code === undefined) return undefined;
  const number = numberOf(register, words);
  if (number === undefined) return { name, raw, doubt: `${name} is no decimal number` };
  if (decimals > mostDecimals) return { name, raw, doubt: `${name} has ${decimals} decimals` };
  const unit = unitAt === undefined ? (register.unit ?? defaultUnit(name)) : unitAt.units[String(code)];
  if (unit === undefined) return { name, raw, doubt: `${name} has unit ${code}, which the profile does not know` };
  const value = toBase[unit](((number + signed(added)) / 10 ** decimals) * scale + offset);
  // What binary fractions add beyond 1e-6 was never measured.
  const rounded = Math.round(value * 1e6) / 1e6;
  const doubt = doubtOf(register, rounded);
  return doubt === undefined ? { name, raw, value: rounded } : { name, raw, value: rounded, doubt };
}

const defaultUnit = (name: string): Unit => (name === "temperature" ? "degC" : "MPa");

function numberOf(register: Register, words: readonly number[]): number | undefined {
  const view = new DataView(new ArrayBuffer(4));
  const ordered = register.order === "CDAB" || register.order === "DCBA" ? [...words].reverse() : words;
  ordered.forEach((word, i) => {
    view.setUint16(2 * i, word);
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
    case "bcd16":
      return decimal(view.getUint16(0), 4);
    case "bcd32":
      return decimal(view.getUint32(0), 8);
  }
}

/** Absent where a digit is beyond 9. */
function decimal(word: number, digits: number): number | undefined {
  const text = word.toString(16).padStart(digits, "0");
  return /^\d+$/.test(text) ? Number(text) : undefined;
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

function signed(word: number): number {
  return word > 0x7fff ? word - 0x1_0000 : word;
}
