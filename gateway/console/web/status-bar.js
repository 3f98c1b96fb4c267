import { el, setText } from "./dom.js";
import { ageText, clockText } from "./time.js";
import { currentLanguage, t, tOf } from "./words.js";

/**
 * What the gateway tells with each beat; see `status` in /api/live.
 * @typedef {{
 *   at: string, site: { name: string, timezone?: string }, ready: boolean,
 *   reasons: { code: string, zh: string, en: string }[],
 *   devices: { total: number, online: number, offline: number, unknown: number },
 *   zones: { red: number, yellow: number, green: number, unknown: number },
 *   uplink: { state: string, pending: number }, clock: { state: string },
 * }} Status
 */

/** @typedef {import("./connection.js").LinkState} LinkState */

/** @type {Record<LinkState, import("./words.js").Word>} */
const linkWords = {
  live: "live",
  connecting: "connecting",
  lost: "reconnecting",
  paused: "paused",
  "signed-out": "signedOut",
};

/** The strip that says how far the page can be believed, and the bar that says when it cannot. */
export class StatusBar {
  constructor() {
    this.tiles = {
      connection: tile(),
      devices: tile(),
      zones: tile(),
      city: tile(),
      clock: tile(),
    };
    this.barText = el("span", { role: "alert" });
    // Counts every second: not for a screen reader.
    this.barAge = el("span", { class: "bar-age", "aria-hidden": "true" });
    /** Stays at the top edge however far the list is scrolled. */
    this.bar = el("div", { class: "bar", hidden: true }, this.barText, this.barAge);
    this.note = el("p", { class: "note", role: "status", hidden: true });
    this.element = el(
      "section",
      { class: "status" },
      el("div", { class: "tiles" }, ...Object.values(this.tiles).map((one) => one.element)),
      this.note,
    );
  }

  /**
   * @param {{ link: LinkState, status: Status | undefined, now: number | undefined, heardAt: number | undefined,
   *   silentMs: number, recovered: number | undefined }} view
   */
  show({ link, status, now, heardAt, silentMs, recovered }) {
    this.showConnection(link, heardAt);
    if (status !== undefined) this.showStatus(status, now ?? Date.parse(status.at));
    const stale = link !== "live";
    for (const [name, one] of Object.entries(this.tiles)) {
      one.element.dataset["tile"] = name;
      one.element.toggleAttribute("data-stale", stale && name !== "connection");
    }
    const text = barText(link, heardAt, status);
    this.bar.hidden = text === "";
    this.bar.dataset["kind"] = stale ? "stale" : "fault";
    setText(this.barText, text);
    setText(this.barAge, stale && heardAt !== undefined ? t("staleFor", { age: ageText(silentMs) }) : "");
    this.note.hidden = recovered === undefined || stale;
    setText(this.note, recovered === undefined ? "" : t("recovered", { count: recovered }));
  }

  /**
   * @param {LinkState} link
   * @param {number | undefined} heardAt
   */
  showConnection(link, heardAt) {
    const last = heardAt === undefined ? "" : t("lastData", { time: clockText(heardAt) });
    const word = t(linkWords[link]);
    fill(this.tiles.connection, t("connection"), word, last, link === "live" ? "good" : "bad");
  }

  /**
   * @param {Status} status
   * @param {number} now
   */
  showStatus({ devices, zones, uplink, clock }, now) {
    const missing = [
      ...(devices.offline > 0 ? [t("devicesOffline", devices)] : []),
      ...(devices.unknown > 0 ? [t("devicesUnknown", devices)] : []),
    ];
    fill(
      this.tiles.devices,
      t("devices"),
      devices.total === 0 ? t("noDevices") : t("devicesOnline", devices),
      missing.length > 0 ? missing.join("，") : devices.total === 0 ? "" : t("devicesAll"),
      missing.length > 0 || devices.total === 0 ? "warn" : "good",
    );
    fill(
      this.tiles.zones,
      t("zones"),
      t("zoneCounts", zones),
      zones.unknown > 0 ? t("zonesUnknown", zones) : t("zonesKnown"),
      zones.unknown > 0 ? "warn" : "good",
    );
    const cityDown = uplink.state === "down" || uplink.state === "connecting";
    fill(
      this.tiles.city,
      t("city"),
      tOf("city", uplink.state),
      uplink.pending > 0 ? t("cityPending", uplink) : cityDown ? t("cityLocal") : t("cityNothing"),
      cityDown ? "warn" : "good",
    );
    fill(
      this.tiles.clock,
      t("clock"),
      tOf("clock", clock.state),
      t("clockNow", { time: clockText(now) }),
      clock.state === "unsynchronised" ? "warn" : "good",
    );
  }
}

/**
 * @param {LinkState} link
 * @param {number | undefined} heardAt
 * @param {Status | undefined} status
 */
function barText(link, heardAt, status) {
  if (link === "live") {
    const reasons = status?.ready === false ? status.reasons.map((reason) => reason[currentLanguage()]) : [];
    return reasons.length === 0 ? "" : t("notReady", { reasons: reasons.join("; ") });
  }
  if (heardAt === undefined) return link === "connecting" ? "" : t("neverConnected");
  return t("stale", { time: clockText(heardAt) });
}

function tile() {
  const label = el("span", { class: "tile-label" });
  const word = el("span", { class: "tile-word" });
  const detail = el("span", { class: "tile-detail" });
  return { element: el("div", { class: "tile" }, label, word, detail), label, word, detail };
}

/**
 * @param {ReturnType<typeof tile>} one
 * @param {string} label
 * @param {string} word
 * @param {string} detail
 * @param {"good" | "warn" | "bad"} kind
 */
function fill(one, label, word, detail, kind) {
  setText(one.label, label);
  setText(one.word, word);
  setText(one.detail, detail);
  one.element.dataset["kind"] = kind;
}
