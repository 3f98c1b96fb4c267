/** What is used of an event of ChirpStack, whichever version wrote it. */
export interface ChirpStackEvent {
  /** 16 hexadecimal digits in lower case; absent where the payload does not say. */
  readonly devEui?: string;
  /** The same for every delivery of the same frame. */
  readonly id?: string;
  /** Epoch ms by the server's clock. */
  readonly atMs?: number;
  readonly fCnt?: number;
  readonly fPort?: number;
  readonly data?: Uint8Array;
  /** What a codec made of the data. */
  readonly object?: object;
  /** Of the gateway that heard it best, dBm. */
  readonly signalDbm?: number;
  readonly batteryPercent?: number;
  /** Of a log event. */
  readonly level?: string;
  readonly code?: string;
  readonly description?: string;
}

const longestText = 200;
const largestEvent = 64 * 1024;

/**
 * Events of the JSON marshaler of ChirpStack 4 and of both of ChirpStack 3 (bytes in base64, or `json_v3` with hexadecimal
 * ids). A field that is not as it should be is as if it were absent, since the JSON of protobuf leaves out zeros. A text says
 * what is wrong with the whole.
 */
export function readEvent(payload: Uint8Array): ChirpStackEvent | string {
  if (payload.length > largestEvent) return `${payload.length} bytes, more than any event has`;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return "no JSON: the marshaler of ChirpStack must be json";
  }
  if (!isObject(value)) return "no JSON object";
  const info = member(value, "deviceInfo");
  const rxInfo = heard(value);
  const atMs = instant(text(value, "time") ?? rxInfo.time ?? text(value, "publishedAt"));
  const battery = batteryOf(value);
  const data = bytes(text(value, "data"));
  return present({
    devEui: eui(text(info, "devEui") ?? text(value, "devEUI")),
    id: short(text(value, "deduplicationId")),
    atMs,
    fCnt: whole(value, "fCnt"),
    fPort: whole(value, "fPort"),
    data,
    object: objectOf(value),
    signalDbm: rxInfo.signalDbm,
    batteryPercent: battery,
    level: short(text(value, "level")),
    code: short(text(value, "code") ?? text(value, "type")),
    description: short(text(value, "description") ?? text(value, "error")),
  });
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(all: T): Present<T> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Present<T>;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function text(value: unknown, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function number(value: unknown, key: string): number | undefined {
  const found = member(value, key);
  const read = typeof found === "string" && found.trim() !== "" ? Number(found) : found;
  return typeof read === "number" && Number.isFinite(read) ? read : undefined;
}

function whole(value: unknown, key: string): number | undefined {
  const found = number(value, key);
  return found !== undefined && Number.isSafeInteger(found) && found >= 0 ? found : undefined;
}

function short(value: string | undefined): string | undefined {
  return value?.slice(0, longestText);
}

/** Hexadecimal, or the eight bytes in base64. */
function eui(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^[0-9a-fA-F]{16}$/.test(value)) return value.toLowerCase();
  const raw = bytes(value);
  return raw?.length === 8 ? Buffer.from(raw).toString("hex") : undefined;
}

function bytes(value: string | undefined): Uint8Array | undefined {
  if (value === undefined || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return undefined;
  return Buffer.from(value, "base64");
}

/** RFC 3339 with up to nine digits of a second. */
function instant(value: string | undefined): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,3})?\d*(Z|[+-]\d\d:\d\d)$/i.exec(value ?? "");
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}${match[2] ?? ""}${match[3]?.toUpperCase()}`);
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

function heard(value: object): { signalDbm?: number; time?: string } {
  const list = member(value, "rxInfo");
  if (!Array.isArray(list)) return {};
  const gateways = list.slice(0, 64);
  const strengths = gateways
    .map((each) => number(each, "rssi"))
    .filter((rssi) => rssi !== undefined && rssi < 30 && rssi > -200);
  const time = gateways.map((each) => text(each, "time")).find((each) => each !== undefined);
  return present({
    signalDbm: strengths.length > 0 ? Math.max(...strengths.map((rssi) => rssi ?? -200)) : undefined,
    time,
  });
}

/** Both versions tell a percentage; 0 stands for "not known", since LoRaWAN knows no empty battery (§5.5, DevStatusAns). */
function batteryOf(value: object): number | undefined {
  if (member(value, "externalPowerSource") === true || member(value, "batteryLevelUnavailable") === true)
    return undefined;
  const level = number(value, "batteryLevel");
  return level !== undefined && level > 0 && level <= 100 ? level : undefined;
}

function objectOf(value: object): object | undefined {
  const found = member(value, "object");
  if (isObject(found)) return found;
  try {
    const parsed: unknown = JSON.parse(text(value, "objectJSON") ?? "");
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
