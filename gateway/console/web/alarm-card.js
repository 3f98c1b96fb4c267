import { el, setText } from "./dom.js";
import { ask } from "./requests.js";
import { shape } from "./shapes.js";
import { ageText, clockText } from "./time.js";
import { currentLanguage, t, tOf } from "./words.js";

/** @typedef {import("./shapes.js").Level} Level */
/** @typedef {{ role: string }} Me */

/**
 * An alarm as /api/openapi.json describes it; only what the card shows.
 * @typedef {{
 *   id: string, rule: string, severity: string, certainty: string, state: string, active: boolean,
 *   acknowledged: boolean, raisedAt: string, count: number, place: string, subjectName: string, priority: number,
 *   title: { zh: string, en: string }, explanation: { zh: string, en: string },
 *   acknowledgedBy?: { name: string, via: string }, disposition?: string,
 * }} Alarm
 */

const faultRules = new Set(["device-offline", "fault"]);
const dispositions = /** @type {const} */ (["true", "false", "test", "duplicate"]);

/**
 * Red and the flame are for fire alone, yellow for what does not work; the rest follows the severity.
 * @param {Alarm} alarm
 * @returns {Level}
 */
export function levelOf(alarm) {
  if (alarm.rule === "fire") return "fire";
  if (faultRules.has(alarm.rule)) return "fault";
  return severityLevel(alarm);
}

/** @param {Alarm} alarm */
function severityLevel({ severity }) {
  if (severity === "critical" || severity === "major") return "urgent";
  return severity === "minor" ? "normal" : "notice";
}

/** One alarm on the screen. It is changed in place, so that a comment half written survives the news. */
export class AlarmCard {
  /**
   * @param {Alarm} alarm
   * @param {Me} me
   */
  constructor(alarm, me) {
    this.alarm = alarm;
    this.me = me;
    this.busy = false;
    this.band = el("div", { class: "band" });
    this.place = el("h2", { class: "place", id: `place-${alarm.id}` });
    this.raised = el("time");
    this.age = el("span", { class: "age" });
    this.what = el("p", { class: "what" });
    this.why = el("p", { class: "why" });
    this.facts = el("dl", { class: "facts" });
    this.acknowledgeButton = el("button", { type: "button", class: "primary", "data-do": "acknowledge" });
    this.closeButton = el("button", { type: "button", "data-do": "close", "aria-expanded": "false" });
    this.outcome = el("p", { class: "outcome", role: "status" });
    this.form = this.buildCloseForm();
    this.element = el(
      "article",
      { class: "card", "data-alarm": alarm.id, "aria-labelledby": `place-${alarm.id}` },
      this.band,
      el("div", { class: "card-body" }, this.place, this.what, this.why, this.facts),
      el(
        "div",
        { class: "card-side" },
        el("p", { class: "when" }, this.age, this.raised),
        el("div", { class: "actions" }, this.acknowledgeButton, this.closeButton),
      ),
      el("div", { class: "card-foot" }, this.outcome, this.form),
    );
    this.acknowledgeButton.addEventListener("click", () => this.acknowledge());
    this.closeButton.addEventListener("click", () => this.toggleForm());
    this.update(alarm);
  }

  /** @param {Alarm} alarm */
  update(alarm) {
    this.alarm = alarm;
    const level = levelOf(alarm);
    this.element.dataset["level"] = level;
    this.element.dataset["acknowledged"] = String(alarm.acknowledged);
    this.element.dataset["active"] = String(alarm.active);
    this.showBand(level);
    const language = currentLanguage();
    setText(this.place, alarm.place);
    const subject = alarm.subjectName === "gateway" ? t("gateway") : alarm.subjectName;
    setText(this.what, `${alarm.title[language]} · ${subject}`);
    setText(this.why, alarm.explanation[language]);
    this.showFacts();
    const mayAct = this.me.role !== "auditor";
    this.acknowledgeButton.hidden = alarm.acknowledged || !mayAct;
    this.closeButton.hidden = !mayAct;
    if (!this.busy) setText(this.acknowledgeButton, t("acknowledge"));
    setText(this.closeButton, t("close"));
  }

  /** @param {Level} level */
  showBand(level) {
    const looks = `${level} ${this.alarm.active} ${this.alarm.severity} ${currentLanguage()}`;
    if (this.band.dataset["looks"] === looks) return;
    this.band.dataset["looks"] = looks;
    const below =
      level === "fault" ? [el("span", { class: "band-severity" }, tOf("level", severityLevel(this.alarm)))] : [];
    this.band.replaceChildren(
      shape(level, !this.alarm.active),
      el("span", { class: "band-word" }, t(/** @type {const} */ (`level_${level}`))),
      ...below,
    );
  }

  showFacts() {
    const { alarm } = this;
    const rows = [
      ["state", t("state"), tOf("state", alarm.state) + this.acknowledgedBy()],
      ["certainty", t("certainty"), tOf("certainty", alarm.certainty)],
    ];
    if (alarm.count > 1) rows.push(["count", t("count"), t("times", { count: alarm.count })]);
    const text = JSON.stringify(rows);
    if (this.facts.dataset["shown"] === text) return;
    this.facts.dataset["shown"] = text;
    this.facts.replaceChildren(
      ...rows.map(([name = "", label = "", value = ""]) =>
        el("div", { "data-fact": name }, el("dt", {}, label), el("dd", {}, value)),
      ),
    );
  }

  acknowledgedBy() {
    const by = this.alarm.acknowledgedBy;
    if (by === undefined) return "";
    const name = by.name === "one-time-link" ? t("linkUser") : by.name;
    if (by.via === "gateway") return ` · ${t("by_gateway")}`;
    return ` · ${t(by.via === "city" ? "by_city" : "by", { name })}`;
  }

  /**
   * @param {number} now the gateway's time
   * @param {boolean} stale
   */
  tick(now, stale) {
    const raised = Date.parse(this.alarm.raisedAt);
    setText(this.age, t("ago", { age: ageText(now - raised) }));
    setText(this.raised, clockText(raised, now));
    this.raised.dateTime = this.alarm.raisedAt;
    const locked = stale || this.busy;
    if (this.element.dataset["locked"] === String(locked)) return;
    this.element.dataset["locked"] = String(locked);
    for (const button of this.element.querySelectorAll("button")) {
      button.disabled = locked;
      button.title = stale ? t("disabledStale") : "";
    }
  }

  async acknowledge() {
    await this.send(this.acknowledgeButton, t("acknowledging"), "acknowledge", {});
    setText(this.acknowledgeButton, t("acknowledge"));
  }

  toggleForm() {
    this.form.hidden = !this.form.hidden;
    this.closeButton.setAttribute("aria-expanded", String(!this.form.hidden));
    if (!this.form.hidden) this.form.querySelector("input")?.focus();
  }

  buildCloseForm() {
    const allowed = this.me.role === "installer" ? /** @type {const} */ (["test"]) : dispositions;
    const choices = allowed.map((disposition) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name: `disposition-${this.alarm.id}`, value: disposition }),
        el("span", {}, t(`disposition_${disposition}`)),
      ),
    );
    const comment = el("textarea", { rows: "2", maxlength: "2000", name: "comment" });
    const submit = el("button", { type: "submit", class: "primary" }, t("closeNow"));
    const cancel = el("button", { type: "button" }, t("cancel"));
    const form = el(
      "form",
      { class: "close-form", hidden: true },
      el("fieldset", {}, el("legend", {}, t("closeAs")), el("div", { class: "choices" }, ...choices)),
      el("label", { class: "comment" }, el("span", {}, t("comment")), comment),
      el("div", { class: "actions" }, submit, cancel),
    );
    cancel.addEventListener("click", () => this.toggleForm());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const chosen = new FormData(form).get(`disposition-${this.alarm.id}`);
      if (chosen === null) return this.say("bad", t("chooseDisposition"));
      const text = comment.value.trim();
      const body = { disposition: String(chosen), ...(text === "" ? {} : { comment: text }) };
      await this.send(submit, t("closing"), "close", body);
      setText(submit, t("closeNow"));
    });
    return form;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} meanwhile
   * @param {"acknowledge" | "close"} act
   * @param {object} body
   */
  async send(button, meanwhile, act, body) {
    if (this.busy) return;
    this.busy = true;
    setText(button, meanwhile);
    this.say("", "");
    const answer = await ask("POST", `/api/alarms/${encodeURIComponent(this.alarm.id)}/${act}`, body);
    this.busy = false;
    if (answer.ok) {
      if (act === "acknowledge") this.say("good", t("acknowledged"));
      if (answer.data.state !== "closed") this.update(answer.data);
    } else {
      this.say("bad", t("failed", { why: reasonOf(answer) }));
    }
  }

  /**
   * @param {"" | "good" | "bad"} kind
   * @param {string} text
   */
  say(kind, text) {
    this.outcome.dataset["kind"] = kind;
    setText(this.outcome, text);
  }
}

/** @param {{ code: string, message: string }} answer */
function reasonOf({ code, message }) {
  if (code === "NO_ANSWER") return t("failedTimeout");
  if (code === "ALARM_CLOSED" || code === "ALARM_UNKNOWN") return t("failedClosed");
  if (code === "FORBIDDEN") return t("failedForbidden");
  if (code === "DISK_FULL" || code === "DISK_FAILED") return t("failedDisk");
  return t("failedOther", { message: message || code });
}
