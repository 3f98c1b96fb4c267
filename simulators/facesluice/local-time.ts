/** "YYYY-MM-DD HH:mm:ss" on the wall of the device: local, without a zone, as these devices write it. */
export function localTime(epochMs: number, timeZone: string): string {
  // The Swedish locale is the one that writes dates in this very form.
  return new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(epochMs);
}

/** The reverse, to the second; NaN where it is no such time. Exact except within the hour of a change of zone offset. */
export function parseLocalTime(text: string, timeZone: string): number {
  const asUtc = Date.parse(`${text.replace(" ", "T")}Z`);
  const offset = Date.parse(`${localTime(asUtc, timeZone).replace(" ", "T")}Z`) - asUtc;
  return asUtc - offset;
}
