const ellipsis = "…";

/** At most so many bytes of UTF-8, an ellipsis included where something was cut; never a part of a character. */
export function cutBytes(text: string, maxBytes: number): string {
  const whole = text.toWellFormed();
  const bytes = Buffer.from(whole);
  if (bytes.length <= maxBytes) return whole;
  let end = maxBytes - Buffer.byteLength(ellipsis);
  if (end <= 0) return "";
  // RFC 3629: the bytes of a character after its first one are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}${ellipsis}`;
}

/** At most so many UTF-16 units, as UCS-2 text messages count; never half of a pair. */
export function cutUnits(text: string, maxUnits: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= maxUnits) return whole;
  const head = whole.slice(0, Math.max(maxUnits - ellipsis.length, 0));
  return `${head.isWellFormed() ? head : head.slice(0, -1)}${ellipsis}`.slice(0, maxUnits);
}

/** One line without control characters: names and words of devices may hold anything. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "")
    .trim();
}
