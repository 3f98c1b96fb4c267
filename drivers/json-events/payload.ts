import { withoutLongStrings } from "../facesluice/envelope.ts";

export type Opened =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: "bad-json" | "too-large"; readonly detail: string };

/**
 * Bytes to JSON value. Strings of more than a thousand characters, which are pictures, are emptied before anything is parsed.
 * Never throws, and never repeats what was received: a JSON parser's own message quotes it.
 */
export function openJson(payload: Uint8Array): Opened {
  const json = withoutLongStrings(payload);
  if (json === undefined) {
    return { ok: false, reason: "too-large", detail: `${payload.byteLength} bytes, too much beside the pictures` };
  }
  try {
    return { ok: true, value: JSON.parse(json) };
  } catch {
    const detail = payload.byteLength === 0 ? "empty payload" : `${payload.byteLength} bytes that are not JSON`;
    return { ok: false, reason: "bad-json", detail };
  }
}
