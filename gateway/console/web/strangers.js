import { el } from "./dom.js";
import { ask } from "./requests.js";
import { clockText } from "./time.js";
import { t } from "./words.js";

/** @typedef {{ via: string, username: string, clientId: string, address: string, lastAt: string, attempts: number, snippet: string }} Stranger */

const everyMs = 60_000;

/** Devices that knocked and are not configured, each with what to write into the configuration. Not there while nobody knocked. */
export class Strangers {
  constructor() {
    this.summary = el("summary");
    this.items = el("ul");
    this.element = el("details", { class: "strangers", hidden: true }, this.summary, this.items);
    this.shown = "";
    this.looking = setInterval(() => void this.look(), everyMs);
    void this.look();
  }

  end() {
    clearInterval(this.looking);
  }

  async look() {
    const answer = await ask("GET", "/api/devices");
    if (answer.ok) this.show(answer.data.strangers);
  }

  /** @param {Stranger[]} strangers */
  show(strangers) {
    // Drawn anew it would lose what somebody is about to copy.
    const shown = JSON.stringify(strangers);
    if (shown === this.shown) return;
    this.shown = shown;
    this.element.hidden = strangers.length === 0;
    this.summary.textContent = t("strangers", { count: strangers.length });
    this.items.replaceChildren(...strangers.map(itemOf));
  }
}

/** @param {Stranger} stranger */
function itemOf({ via, username, clientId, address, lastAt, attempts, snippet }) {
  const who = [via.toUpperCase(), address, username, clientId].filter((part) => part !== "").join(" · ");
  const when = t("strangerSeen", { attempts, time: clockText(Date.parse(lastAt), Date.now()) });
  return el("li", {}, el("p", {}, `${who} · ${when}`), el("pre", {}, snippet));
}
