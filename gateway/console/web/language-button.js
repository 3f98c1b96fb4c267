import { el } from "./dom.js";
import { currentLanguage, setLanguage, t } from "./words.js";

/**
 * Switches the whole page to the other language.
 * @param {() => void} onChanged
 */
export function languageButton(onChanged) {
  const other = currentLanguage() === "zh" ? "en" : "zh";
  document.documentElement.lang = other === "zh" ? "en" : "zh-CN";
  const button = el("button", { type: "button", class: "quiet", "data-do": "language" }, t("language"));
  button.addEventListener("click", () => {
    setLanguage(other);
    onChanged();
  });
  return button;
}
