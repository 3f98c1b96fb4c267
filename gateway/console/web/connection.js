import { ask } from "./requests.js";

/** The gateway sends at least every 5 s; three beats missed are no jitter. */
const silentAfterMs = 16_000;
const firstRetryMs = 1_000;
const longestRetryMs = 8_000;
/** A browser opens six connections to one host: a forgotten tab must not keep the others from acknowledging. */
const pauseHiddenAfterMs = 60_000;

/** @typedef {"connecting" | "live" | "lost" | "paused" | "signed-out"} LinkState */

/**
 * The live stream, opened again by itself for as long as the session holds.
 * After a loss it goes on from the last change it has; what it missed comes first.
 */
export class Connection {
  /**
   * @param {{
   *   onState: (state: LinkState) => void,
   *   onEvent: (name: "snapshot" | "transition" | "status", data: any) => void,
   * }} listener
   */
  constructor(listener) {
    this.listener = listener;
    /** @type {LinkState} */
    this.state = "connecting";
    /** @type {number | undefined} */
    this.seq = undefined;
    /** @type {string | undefined} */
    this.epoch = undefined;
    /** @type {EventSource | undefined} */
    this.source = undefined;
    this.retryMs = firstRetryMs;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.onVisibility = () => this.visibilityChanged();
    document.addEventListener("visibilitychange", this.onVisibility);
    this.open();
  }

  end() {
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.timer);
    clearTimeout(this.hiding);
    this.source?.close();
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const query = new URLSearchParams();
    if (this.seq !== undefined) query.set("after", String(this.seq));
    if (this.epoch !== undefined) query.set("epoch", this.epoch);
    const source = new EventSource(`/api/live?${query}`);
    this.source = source;
    this.watch();
    for (const name of /** @type {const} */ (["snapshot", "transition", "status"])) {
      source.addEventListener(name, (event) => this.take(name, JSON.parse(event.data)));
    }
    source.addEventListener("signed-out", () => this.signedOut());
    source.onerror = () => this.lost();
  }

  /**
   * @param {"snapshot" | "transition" | "status"} name
   * @param {any} data
   */
  take(name, data) {
    this.retryMs = firstRetryMs;
    if (name !== "status") this.seq = data.seq;
    if (name === "snapshot") this.epoch = data.epoch;
    this.watch();
    this.listener.onEvent(name, data);
    if (name === "status") this.change("live");
  }

  /** Without a word for three beats the line is dead, whatever TCP believes. */
  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(), silentAfterMs);
  }

  async lost() {
    this.source?.close();
    this.change("lost");
    clearTimeout(this.timer);
    const session = await ask("GET", "/api/session");
    if (!session.ok && session.code === "UNAUTHENTICATED") return this.signedOut();
    if (this.state === "paused" || this.state === "signed-out") return;
    this.timer = setTimeout(() => this.open(), this.retryMs * (0.5 + Math.random()));
    this.retryMs = Math.min(longestRetryMs, this.retryMs * 2);
  }

  signedOut() {
    this.end();
    this.change("signed-out");
  }

  visibilityChanged() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      this.hiding = setTimeout(() => {
        clearTimeout(this.timer);
        this.source?.close();
        this.change("paused");
      }, pauseHiddenAfterMs);
    } else if (this.state === "paused") {
      this.change("connecting");
      this.open();
    }
  }

  /** @param {LinkState} state */
  change(state) {
    if (this.state === state) return;
    this.state = state;
    this.listener.onState(state);
  }
}
