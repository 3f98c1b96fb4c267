import { Desk } from "./desk.js";
import { el } from "./dom.js";
import { languageButton } from "./language-button.js";
import { ask } from "./requests.js";
import { signInForm } from "./sign-in-form.js";
import { t } from "./words.js";

const page = /** @type {HTMLElement} */ (document.getElementById("page"));

/** @type {Desk | undefined} */
let desk;

/** @param {import("./desk.js").Me} me */
function showDesk(me) {
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  desk?.end();
  desk = new Desk(page, me, showSignIn);
}

/** @param {boolean} signedOut by the gateway, not by the person */
function showSignIn(signedOut) {
  desk?.end();
  desk = undefined;
  document.title = `${t("signIn")} · ${t("gateway")}`;
  page.removeAttribute("data-stale");
  page.replaceChildren(
    el(
      "div",
      { class: "gate" },
      languageButton(() => showSignIn(signedOut)),
      signInForm({ signedOut, onSignedIn: showDesk }),
    ),
  );
}

async function start() {
  if (location.hash.includes("code=")) return showSignIn(false);
  const session = await ask("GET", "/api/session");
  if (session.ok) return showDesk(session.data);
  if (session.code !== "NO_ANSWER") return showSignIn(false);
  setTimeout(() => void start(), 2_000);
}

void start();
