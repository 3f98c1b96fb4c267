import { levelOf } from "./alarm-card.js";
import { AlarmList, byUrgency } from "./alarm-list.js";
import { Connection } from "./connection.js";
import { el, setText } from "./dom.js";
import { languageButton } from "./language-button.js";
import { ask } from "./requests.js";
import { StatusBar } from "./status-bar.js";
import { Strangers } from "./strangers.js";
import { setTimezone } from "./time.js";
import { currentLanguage, t, tOf } from "./words.js";

/** @typedef {import("./alarm-card.js").Alarm} Alarm */
/** @typedef {import("./connection.js").LinkState} LinkState */
/** @typedef {import("./status-bar.js").Status} Status */
/** @typedef {{ name: string, role: string, via: string }} Me */

/** Who has to do with what is configured. */
const configuring = new Set(["manager", "installer", "admin"]);
const noteForMs = 8_000;
/** A sign of a person goes to the gateway no more often; without one the session ends after 8 h. */
const presenceEveryMs = 10 * 60_000;

/** The page of somebody who is signed in: what is known, how old it is, and its picture. */
export class Desk {
  /**
   * @param {HTMLElement} page
   * @param {Me} me
   * @param {(byGateway: boolean) => void} onSignedOut
   */
  constructor(page, me, onSignedOut) {
    this.page = page;
    this.me = me;
    this.onSignedOut = onSignedOut;
    /** @type {Map<string, Alarm>} */
    this.alarms = new Map();
    this.total = 0;
    this.loaded = false;
    /** @type {LinkState} */
    this.link = "connecting";
    /** @type {Status | undefined} */
    this.status = undefined;
    /** When the last word came: by the page's monotonic clock, and by the gateway's. */
    this.heardTick = performance.now();
    /** @type {number | undefined} */
    this.heardAt = undefined;
    this.wasLost = false;
    this.caughtUp = 0;
    /** @type {number | undefined} */
    this.recovered = undefined;
    this.presentAt = performance.now();
    this.statusBar = new StatusBar();
    this.polite = el("p", { class: "unseen", "aria-live": "polite" });
    this.urgent = el("p", { class: "unseen", "aria-live": "assertive" });
    this.siteName = el("span", { class: "site" });
    this.list = new AlarmList(me);
    /** @type {Strangers | undefined} */
    this.strangers = undefined;
    this.build();
    this.ticking = setInterval(() => this.tick(), 1000);
    this.onInput = () => this.present();
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, this.onInput);
    this.connection = new Connection({
      onState: (state) => this.linkChanged(state),
      onEvent: (name, data) => this.take(name, data),
    });
  }

  end() {
    clearInterval(this.ticking);
    this.strangers?.end();
    this.connection.end();
    for (const kind of ["pointerdown", "keydown"]) removeEventListener(kind, this.onInput);
  }

  build() {
    this.list = new AlarmList(this.me);
    this.strangers?.end();
    this.strangers = configuring.has(this.me.role) ? new Strangers() : undefined;
    // Said once, in the language of then.
    setText(this.polite, "");
    setText(this.urgent, "");
    const who = this.me.via === "link" ? t("linkUser") : this.me.name;
    const signOut = el("button", { type: "button", class: "quiet", "data-do": "sign-out" }, t("signOut"));
    signOut.addEventListener("click", async () => {
      await ask("DELETE", "/api/session");
      this.onSignedOut(false);
    });
    const language = languageButton(() => {
      this.build();
      this.draw();
    });
    this.page.replaceChildren(
      el(
        "header",
        { class: "top" },
        el("img", { src: "/icon.svg", alt: "", width: "36", height: "36" }),
        el("p", { class: "title" }, this.siteName, el("span", { class: "desk" }, `${t("gateway")} · ${t("desk")}`)),
        el("p", { class: "who" }, who, el("small", {}, tOf("role", this.me.role))),
        language,
        signOut,
      ),
      this.statusBar.bar,
      this.statusBar.element,
      el(
        "main",
        {},
        this.list.element,
        ...(this.strangers === undefined ? [] : [this.strangers.element]),
        ...(this.me.via === "link" ? [el("p", { class: "note" }, t("linkNote"))] : []),
        this.polite,
        this.urgent,
      ),
    );
  }

  /** @param {LinkState} link */
  linkChanged(link) {
    if (link === "signed-out") return this.onSignedOut(true);
    if (link === "live" && this.wasLost) this.noteRecovery();
    this.wasLost = link === "lost" || (this.wasLost && link !== "live");
    this.caughtUp = 0;
    this.link = link;
    this.draw();
  }

  noteRecovery() {
    this.recovered = this.caughtUp;
    setTimeout(() => {
      this.recovered = undefined;
      this.tick();
    }, noteForMs);
  }

  /**
   * @param {"snapshot" | "transition" | "status"} name
   * @param {any} data
   */
  take(name, data) {
    if (name === "status") this.takeStatus(data);
    if (name === "snapshot") this.takeSnapshot(data);
    if (name === "transition") this.takeTransition(data);
    this.draw();
  }

  /** @param {Status} status */
  takeStatus(status) {
    this.status = status;
    this.heardAt = Date.parse(status.at);
    this.heardTick = performance.now();
    setTimezone(status.site.timezone);
  }

  /** @param {{ alarms: Alarm[], total: number }} snapshot */
  takeSnapshot({ alarms, total }) {
    if (this.wasLost) this.caughtUp += alarms.filter((alarm) => !this.alarms.has(alarm.id)).length;
    this.alarms = new Map(alarms.map((alarm) => [alarm.id, alarm]));
    this.total = total;
    this.loaded = true;
  }

  /** @param {{ alarm: Alarm, transition: { step: string } }} change */
  takeTransition({ alarm, transition }) {
    if (this.link !== "live") this.caughtUp += 1;
    const known = this.alarms.has(alarm.id);
    if (alarm.state === "closed") {
      if (known) this.total -= 1;
      this.alarms.delete(alarm.id);
    } else {
      if (!known) this.total += 1;
      this.alarms.set(alarm.id, alarm);
    }
    this.announce(alarm, transition.step);
  }

  /**
   * @param {Alarm} alarm
   * @param {string} step
   */
  announce(alarm, step) {
    const level = levelOf(alarm);
    const values = { place: alarm.place, title: alarm.title[currentLanguage()], level: tOf("level", level) };
    if (step === "raised") setText(level === "fire" ? this.urgent : this.polite, t("announceNew", values));
    if (step !== "closed") return;
    const { disposition } = alarm;
    const said = disposition === undefined ? undefined : { ...values, disposition: tOf("disposition", disposition) };
    setText(this.polite, said === undefined ? t("announceGone", values) : t("announceClosed", said));
  }

  draw() {
    const alarms = [...this.alarms.values()].sort(byUrgency);
    const { total, loaded, link, status } = this;
    this.list.draw({ alarms, total, loaded, link, status });
    const worst = alarms[0];
    document.title = worst === undefined ? t("desk") : `(${total}) ${tOf("level", levelOf(worst))} · ${t("desk")}`;
    this.page.toggleAttribute("data-stale", link !== "live" && loaded);
    this.tick();
  }

  tick() {
    const live = this.link === "live";
    const silentMs = performance.now() - this.heardTick;
    const now = this.heardAt === undefined ? undefined : this.heardAt + (live ? silentMs : 0);
    const { link, status, heardAt, recovered } = this;
    if (status !== undefined) setText(this.siteName, status.site.name);
    this.statusBar.show({ link, status, now, heardAt, silentMs, recovered });
    if (now !== undefined) this.list.tick(now, !live);
  }

  present() {
    if (performance.now() - this.presentAt < presenceEveryMs) return;
    this.presentAt = performance.now();
    void ask("GET", "/api/session");
  }
}
