import { AlarmCard, levelOf } from "./alarm-card.js";
import { el, setText } from "./dom.js";
import { shape } from "./shapes.js";
import { t, tOf } from "./words.js";

/** @typedef {import("./alarm-card.js").Alarm} Alarm */
/** @typedef {import("./connection.js").LinkState} LinkState */
/** @typedef {import("./status-bar.js").Status} Status */

/**
 * What is known, and whether it still holds.
 * @typedef {{ alarms: Alarm[], total: number, loaded: boolean, link: LinkState, status: Status | undefined }} Known
 */

const cardsAtOnce = 100;
/** Cards that have just moved take no tap: it was meant for another one. */
const settleMs = 400;
const levels = /** @type {const} */ (["fire", "urgent", "normal", "notice", "fault"]);
const severities = ["critical", "major", "minor", "warning"];

/** The active alarms, most urgent first; or, where there are none, what is being watched. */
export class AlarmList {
  /** @param {{ role: string }} me */
  constructor(me) {
    this.me = me;
    /** @type {Map<string, AlarmCard>} */
    this.cards = new Map();
    this.showAll = false;
    /** @type {Known | undefined} */
    this.known = undefined;
    this.heading = el("h1", {}, t("alarms"));
    this.counts = el("ul", { class: "counts" });
    this.list = el("div", { class: "cards" });
    this.more = el("button", { type: "button", class: "more", hidden: true });
    this.unlisted = el("p", { class: "hint", hidden: true });
    this.calm = el("section", { class: "calm" });
    this.element = el(
      "div",
      { class: "alarms" },
      el("div", { class: "heading" }, this.heading, this.counts),
      this.list,
      this.more,
      this.unlisted,
      this.calm,
    );
    this.more.addEventListener("click", () => {
      this.showAll = true;
      if (this.known !== undefined) this.draw(this.known);
    });
  }

  /** @param {Known} known */
  draw(known) {
    this.known = known;
    const sorted = [...known.alarms].sort(byUrgency);
    const shown = this.showAll ? sorted : sorted.slice(0, cardsAtOnce);
    this.drawCards(shown);
    this.drawCounts(sorted, known);
    this.more.hidden = shown.length === sorted.length;
    setText(this.more, t("moreAlarms", { count: sorted.length - shown.length }));
    const unlisted = known.total - sorted.length;
    this.unlisted.hidden = unlisted <= 0;
    setText(this.unlisted, t("hiddenAlarms", { count: unlisted }));
    this.drawCalm(known);
  }

  /**
   * @param {number} now the gateway's time
   * @param {boolean} stale
   */
  tick(now, stale) {
    for (const card of this.cards.values()) card.tick(now, stale);
  }

  /** @param {Alarm[]} shown */
  drawCards(shown) {
    const ids = new Set(shown.map((alarm) => alarm.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    let moved = false;
    shown.forEach((alarm, index) => {
      const card = this.cards.get(alarm.id) ?? new AlarmCard(alarm, this.me);
      this.cards.set(alarm.id, card);
      if (card.alarm !== alarm) card.update(alarm);
      const there = this.list.children[index];
      if (there === card.element) return;
      this.list.insertBefore(card.element, there ?? null);
      moved = true;
    });
    if (moved) this.settle();
  }

  settle() {
    this.list.toggleAttribute("data-settling", true);
    clearTimeout(this.settling);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settling = setTimeout(() => this.list.toggleAttribute("data-settling", false), settleMs);
  }

  /**
   * @param {Alarm[]} alarms
   * @param {Known} known
   */
  drawCounts(alarms, { loaded, total }) {
    setText(this.heading, loaded && total > 0 ? `${t("alarms")} ${total}` : t("alarms"));
    this.counts.replaceChildren(
      ...levels.flatMap((level) => {
        const count = alarms.filter((alarm) => levelOf(alarm) === level).length;
        if (count === 0) return [];
        return [el("li", { "data-level": level }, shape(level), `${tOf("level", level)} ${count}`)];
      }),
    );
  }

  /** @param {Known} known */
  drawCalm(known) {
    this.calm.hidden = known.alarms.length > 0;
    const [word, ...lines] = calmWords(known);
    this.calm.dataset["known"] = String(known.loaded && known.link === "live");
    this.calm.replaceChildren(el("p", { class: "calm-word" }, word ?? ""), ...lines.map((line) => el("p", {}, line)));
  }
}

/**
 * Unknown is never shown as normal: without data there is no "no alarms".
 * @param {Known} known
 */
function calmWords({ loaded, link, status }) {
  if (!loaded && link === "connecting") return [t("loading")];
  if (!loaded || link !== "live") return [t("unknownNow"), t("unknownNowWhy")];
  const devices = status?.devices;
  if (devices === undefined || devices.total === 0) return [t("none"), t("nothingWatched")];
  const missing = devices.total - devices.online;
  return [t("none"), t("watching", devices), ...(missing > 0 ? [t("blind", { missing })] : [])];
}

/**
 * The order of the gateway: severity, not acknowledged first, certainty, newest.
 * @param {Alarm} a
 * @param {Alarm} b
 */
export function byUrgency(a, b) {
  return (
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    Number(a.acknowledged) - Number(b.acknowledged) ||
    a.priority - b.priority ||
    b.raisedAt.localeCompare(a.raisedAt)
  );
}
