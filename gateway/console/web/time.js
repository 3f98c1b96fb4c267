import { t } from "./words.js";

/** @type {string | undefined} */
let zone;

/** @param {string | undefined} timezone IANA zone of the site; the browser's where it is absent */
export function setTimezone(timezone) {
  zone = timezone;
}

/**
 * 24-hour clock of the site, with the date where it is not today's.
 * @param {number} ms
 * @param {number} [now]
 */
export function clockText(ms, now = ms) {
  const time = format(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = (/** @type {number} */ at) => format(at, { year: "numeric", month: "2-digit", day: "2-digit" });
  return day(ms) === day(now) ? time : `${day(ms)} ${time}`;
}

/**
 * @param {number} ms
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(ms, options) {
  return new Intl.DateTimeFormat("sv-SE", { ...options, ...(zone === undefined ? {} : { timeZone: zone }) }).format(ms);
}

/** @param {number} ms */
export function ageText(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t("seconds", { s });
  if (s < 3600) return t("minutes", { m: Math.floor(s / 60), s: s % 60 });
  if (s < 86_400 && s % 3600 < 60) return t("wholeHours", { h: Math.floor(s / 3600) });
  if (s < 86_400) return t("hours", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("days", { d: Math.floor(s / 86_400), h: Math.floor((s % 86_400) / 3600) });
}
