import { isGatewayError } from "../domain/errors.ts";

const hidden = "[redacted]";
/** How deep a field is looked into; what lies deeper is left out, so that nothing slips through below. */
const deepest = 6;
const mostEntries = 50;
const longestText = 2_000;

/** Keys of secrets, compared without case and punctuation. `key` alone is a secret, `dedupKey` is not. */
const secretKey =
  /passw(or)?d|^pwd$|passphrase|secret|token|authorization|cookie|credential|^key$|(api|private|secret|session|encryption|signing|pseudonym|access)key|^pin$/;
/** As the terminals' dialects spell them, `persionName` included. */
const personalKey =
  /pers(i)?onname|^customername$|realname|fullname|idcard|idnumber|certificateno|telnum|telephone|^phone|mobile|homeaddress|birth|^pic$|picture|picuri|snappic|^sanppic$|facepic|scenepic|^scene$|^photo|^image$|imagedata|facedata|facefeature|^plate|licen[cs]eplate/;

/** A resident id number (GB 11643: region, birth date, order, check character) wherever it stands in a text. */
const idCardNumber =
  /(?<![0-9A-Za-z])[1-9]\d{5}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])/g;
/** A picture that ended up in a text. */
const embedded = /data:[a-z]+\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]*/gi;
const longBase64 = /[A-Za-z0-9+/]{200,}={0,2}/g;
/** User name and password in a URL, up to the last @ before its path: a password may hold one that was not escaped. */
const urlCredentials = /([a-z][a-z0-9+.-]*:\/\/)[^\s/]+@/gi;

/**
 * What may be written to the log: secrets and personal data are replaced at any depth, by key and by what a text looks
 * like; errors become plain objects with code, hint and cause; size and depth are bounded. Never throws.
 */
export function redact(fields: object): Record<string, unknown> {
  try {
    const value = clean(fields, 0, new Set());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : { value };
  } catch {
    return { unloggable: true };
  }
}

/** The same for a message. */
export function redactText(text: string): string {
  const cleaned = text
    .replace(embedded, "[picture]")
    .replace(longBase64, "[base64]")
    .replace(idCardNumber, "[id number]")
    .replace(urlCredentials, "$1[redacted]@");
  return cleaned.length > longestText ? `${cleaned.slice(0, longestText)}… (${cleaned.length} characters)` : cleaned;
}

function clean(value: unknown, depth: number, above: Set<object>): unknown {
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "bigint":
      return value.toString();
    case "function":
    case "symbol":
      return undefined;
    case "object":
      return value === null ? undefined : cleanObject(value, depth, above);
    default:
      return value;
  }
}

function cleanObject(value: object, depth: number, above: Set<object>): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (above.has(value)) return "[circular]";
  if (depth >= deepest) return "[deeper]";
  above.add(value);
  try {
    if (value instanceof Error) return cleanError(value, depth, above);
    if (value instanceof Map || value instanceof Set) return cleanList([...value], depth, above);
    if (Array.isArray(value)) return cleanList(value, depth, above);
    return cleanEntries(value, depth, above);
  } finally {
    above.delete(value);
  }
}

function cleanList(items: readonly unknown[], depth: number, above: Set<object>): unknown[] {
  const kept = items.slice(0, mostEntries).map((item) => clean(item, depth + 1, above) ?? null);
  if (items.length > mostEntries) kept.push(`… ${items.length - mostEntries} more`);
  return kept;
}

function cleanEntries(value: object, depth: number, above: Set<object>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const entries = Object.entries(value);
  for (const [key, item] of entries.slice(0, mostEntries)) {
    out[key] = isHidden(key) && typeof item !== "boolean" ? hidden : clean(item, depth + 1, above);
  }
  if (entries.length > mostEntries) out["more"] = entries.length - mostEntries;
  return out;
}

function cleanError(error: Error, depth: number, above: Set<object>): Record<string, unknown> {
  const code = "code" in error ? error.code : undefined;
  return {
    type: error.name,
    message: redactText(error.message),
    ...(typeof code === "string" ? { code } : {}),
    ...(isGatewayError(error) ? { hint: error.hint } : { stack: redactText(error.stack ?? "") }),
    ...(error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1, above) }),
    ...(error instanceof AggregateError ? { errors: cleanList(error.errors, depth, above) } : {}),
  };
}

function isHidden(key: string): boolean {
  const plain = key.toLowerCase().replace(/[^a-z]/g, "");
  return secretKey.test(plain) || personalKey.test(plain);
}
