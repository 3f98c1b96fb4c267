import { el, setText } from "./dom.js";
import { ask } from "./requests.js";
import { t } from "./words.js";

/**
 * The form for name and password; it also redeems the one-time code of the address.
 * @param {{ signedOut: boolean, onSignedIn: (me: any) => void }} options
 */
export function signInForm({ signedOut, onSignedIn }) {
  const problem = el("p", { class: "outcome", role: "alert", "data-kind": "bad" });
  const name = el("input", { name: "name", autocomplete: "username", required: true, maxlength: "64" });
  const password = el("input", {
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
    maxlength: "256",
  });
  const submit = el("button", { type: "submit", class: "primary" }, t("signIn"));
  const form = el(
    "form",
    { class: "sign-in" },
    el("img", { src: "/icon.svg", alt: "", width: "56", height: "56" }),
    el("h1", {}, t("gateway"), el("small", {}, t("desk"))),
    ...(signedOut ? [el("p", { class: "signed-out", role: "alert" }, t("signedOut"))] : []),
    el("label", {}, el("span", {}, t("name")), name),
    el("label", {}, el("span", {}, t("password")), password),
    submit,
    problem,
    el("p", { class: "hint" }, t("signInHint")),
  );

  /** @param {object} attempt */
  async function signIn(attempt) {
    submit.disabled = true;
    const answer = await ask("POST", "/api/session", attempt);
    submit.disabled = false;
    if (answer.ok) return onSignedIn(answer.data);
    setText(problem, problemText(answer, "code" in attempt));
    password.value = "";
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void signIn({ name: name.value.trim(), password: password.value });
  });

  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) {
    // Out of the address at once: it must not end up in the history or in a picture of the screen.
    history.replaceState(null, "", "/");
    setText(problem, t("signInByLink"));
    void signIn({ code });
  }
  return form;
}

/**
 * @param {{ code: string, message: string, retryAfterS?: number }} answer
 * @param {boolean} byLink
 */
function problemText({ code, message, retryAfterS }, byLink) {
  if (code === "NO_ANSWER") return t("noAnswer");
  if (code === "TOO_MANY_ATTEMPTS") return t("signInThrottled", { seconds: retryAfterS ?? 60 });
  if (code === "UNAUTHENTICATED") return t(byLink ? "linkRefused" : "signInRefused");
  return message || code;
}
