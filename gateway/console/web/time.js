import { t } from "./words.js";

/** A formatter takes a hundred times longer to make than to use. */
let formats = formatsFor(undefined);

/** @param {string | undefined} timezone IANA zone of the site; the browser's where it is absent */
export function setTimezone(timezone) {
  if (formats.timezone !== timezone) formats = formatsFor(timezone);
}

/** @param {string | undefined} timezone */
function formatsFor(timezone) {
  const zone = timezone === undefined ? {} : { timeZone: timezone };
  return {
    timezone,
    time: new Intl.DateTimeFormat("sv-SE", { ...zone, timeStyle: "medium", hourCycle: "h23" }),
    day: new Intl.DateTimeFormat("sv-SE", { ...zone, year: "numeric", month: "2-digit", day: "2-digit" }),
  };
}

/**
 * 24-hour clock of the site, with the date where it is not today's.
 * @param {number} ms
 * @param {number} [now]
 */
export function clockText(ms, now = ms) {
  const time = formats.time.format(ms);
  const day = formats.day.format(ms);
  return day === formats.day.format(now) ? time : `${day} ${time}`;
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
