import type { Values } from "../modbus/values.ts";
import type { ChirpStackEvent } from "./chirpstack-event.ts";
import { type ChirpStackProfile, type Field, type FieldUnit, type Uplink, widths } from "./chirpstack-profile.ts";

/** What an uplink says by its layout. */
export interface Reading {
  readonly values: Values;
  /** Names of the fields that were read. */
  readonly read: ReadonlySet<string>;
  readonly batteryPercent?: number;
}

const validByDefault: Readonly<Record<string, { min: number; max: number }>> = {
  /** As of the dialects on serial lines. */
  temperature: { min: -40, max: 125 },
  pressure: { min: -0.1, max: 25 },
  battery: { min: 0, max: 100 },
};

/** 1 psi = 6894.757293168 Pa; 1 bar = 0.1 MPa. */
const toBase: Readonly<Record<FieldUnit, (value: number) => number>> = {
  degC: (value) => value,
  degF: (value) => ((value - 32) * 5) / 9,
  K: (value) => value - 273.15,
  MPa: (value) => value,
  kPa: (value) => value / 1e3,
  Pa: (value) => value / 1e6,
  bar: (value) => value / 10,
  mbar: (value) => value / 1e4,
  psi: (value) => value * 0.006894757293168,
  percent: (value) => value,
};

/** Uplink → values in °C, MPa and %; a text says why nothing can be read. A payload too short for its fields says nothing at all. */
export function readUplink({ uplinks }: ChirpStackProfile, event: ChirpStackEvent): Reading | string {
  const data = event.data ?? new Uint8Array(0);
  const uplink = uplinks.find((each) => fits(each, data, event.fPort));
  if (uplink === undefined) {
    const first = data[0] === undefined ? "" : `, the first 0x${data[0].toString(16).padStart(2, "0")}`;
    return `port ${event.fPort ?? 0} with ${data.length} bytes${first}: the profile has no such uplink`;
  }
  const bits = new Map<string, boolean>();
  const invalid = new Map<string, string>();
  const read = new Set<string>();
  const found: { temperatureC?: number; pressureMpa?: number; batteryPercent?: number } = {};
  for (const field of uplink.fields) {
    const raw = field.at === undefined ? fromObject(field, event.object) : fromBytes(field, field.at, data);
    if (raw === undefined && field.at !== undefined)
      return `${data.length} bytes, too few for ${field.name} at ${field.at}`;
    // A codec leaves out what this uplink does not tell.
    if (raw === undefined) continue;
    read.add(field.name);
    if (isNamed(field)) {
      const doubt = named(field, raw, bits);
      if (doubt !== undefined) invalid.set(field.name, doubt);
      continue;
    }
    const value = measured(field, raw);
    if (typeof value === "string") invalid.set(field.name, value);
    else if (field.name === "temperature") found.temperatureC = value;
    else if (field.name === "pressure") found.pressureMpa = value;
    else found.batteryPercent = value;
  }
  const { batteryPercent, ...readings } = found;
  return {
    values: { ...readings, bits, points: new Map(), invalid },
    read,
    ...(batteryPercent === undefined ? {} : { batteryPercent }),
  };
}

function fits({ fPort, length, where, fields }: Uplink, data: Uint8Array, port: number | undefined): boolean {
  if (fPort !== undefined && fPort !== port) return false;
  if (length !== undefined && length !== data.length) return false;
  // An empty frame carries commands of the network alone.
  if (data.length === 0 && fields.some(({ at }) => at !== undefined)) return false;
  return where.every(({ at, equals }) => data[at] === equals);
}

function isNamed({ bits, codes, flag }: Field): boolean {
  return bits !== undefined || codes !== undefined || flag !== undefined;
}

function fromBytes({ type, order, mask }: Field, at: number, data: Uint8Array): number | undefined {
  const width = widths[type];
  if (at + width > data.length) return undefined;
  const ordered = order === "big" ? data.slice(at, at + width) : data.slice(at, at + width).reverse();
  if (type === "float32") return new DataView(ordered.buffer, ordered.byteOffset, 4).getFloat32(0);
  const whole = ordered.reduce((sum, byte) => sum * 256 + byte, 0);
  if (mask === undefined) return type.startsWith("int") ? signed(whole, 8 * width) : whole;
  const shift = Math.log2(lowestBit(mask));
  const masked = Number(BigInt(whole) & BigInt(mask)) / 2 ** shift;
  return type.startsWith("int") ? signed(masked, 32 - Math.clz32(mask) - shift) : masked;
}

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

function lowestBit(mask: number): number {
  return Number(BigInt(mask) & -BigInt(mask));
}

/** A number, or a truth as 0 or 1; numbers may be given as text. */
function fromObject({ key = "" }: Field, object: object | undefined): number | undefined {
  let value: unknown = object;
  for (const part of key.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === "true" || value === "false") return value === "true" ? 1 : 0;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" ? number : undefined;
}

function named({ name, bits, codes, flag }: Field, raw: number, into: Map<string, boolean>): string | undefined {
  if (!Number.isFinite(raw)) return `${name} is no number`;
  const tell = (given: string, set: boolean) =>
    given.startsWith("!") ? into.set(given.slice(1), !set) : into.set(given, set);
  if (flag !== undefined) tell(flag, raw !== 0);
  // Not by shifts, which make the 32nd bit a sign.
  const word = raw < 0 ? raw + 2 ** 32 : raw;
  for (const [bit, given] of Object.entries(bits ?? {})) tell(given, Math.floor(word / 2 ** Number(bit)) % 2 === 1);
  if (codes === undefined) return undefined;
  const meant = codes[String(raw)];
  if (meant === undefined) return `${name} is ${raw}, which the profile does not know`;
  for (const each of new Set(Object.values(codes))) if (each !== "normal") tell(each, each === meant);
  return undefined;
}

function measured(field: Field, raw: number): number | string {
  const { name, scale, offset, sentinels } = field;
  if (!Number.isFinite(raw)) return `${name} is no number`;
  if (sentinels.some((sentinel) => Math.abs(sentinel - raw) < 1e-6)) return `${name} ${raw} stands for no value`;
  const unit = field.unit ?? (name === "temperature" ? "degC" : name === "pressure" ? "MPa" : "percent");
  // What binary fractions add beyond 1e-6 was never measured.
  const value = Math.round(toBase[unit](raw * scale + offset) * 1e6) / 1e6;
  const { min, max } = field.valid ?? validByDefault[name] ?? { min: 0, max: 0 };
  return value >= min && value <= max ? value : `${name} ${value} is outside ${min} to ${max}`;
}
