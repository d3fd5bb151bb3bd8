// Words in the language in use. Texts stand in the code in English; the server puts those of another language in their
// place, and forms for a number (report/words/*.json), when it reads the page's files: `say("{n} photos", …)`.

import { LANGUAGE as TAG, LANGUAGES } from "./languages.js";

export const LANGUAGE = TAG;
const forms = new Intl.PluralRules(LANGUAGE);
const shown = (value) => (typeof value === "number" ? value.toLocaleString(LANGUAGE) : value);

/** A text as pieces for an element: `{name}` becomes a value, which may be an element. Of several forms that of `n` is taken. */
export function tell(found, values = {}) {
  const text = typeof found === "string" ? found : found[values.n] ?? found[forms.select(values.n)] ?? found.other;
  return text.split(/\{(\w+)\}/).map((piece, at) => (at % 2 ? shown(values[piece]) : piece)).filter((piece) => piece !== "");
}

/** The same as text. */
export const say = (text, values) => tell(text, values).join("");

/** A number with so many decimals. */
export const decimal = (value, digits) => value.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A small number as a word, as in a sentence; a large one in digits. */
export const spelled = (count) => say("no one two three four five six seven eight nine").split(" ")[count] ?? shown(count);

/** The languages to choose from. The choice is kept in a cookie, by which the server sends the page. */
export function languageMenu(h) {
  const choose = ({ target }) => {
    document.cookie = `placeprint-language=${target.value}; path=${location.pathname}; max-age=31536000; samesite=lax`;
    location.reload();
  };
  return h("label", { class: "menu" }, h("span", { class: "unseen" }, say("Language")), h("select", { onchange: choose, autocomplete: "off" },
    Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === LANGUAGE }, name))));
}
