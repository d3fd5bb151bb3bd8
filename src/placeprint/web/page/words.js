// Words in the language in use. The server puts its catalogue (words/en.json and its like) here when it joins the page.

import { LANGUAGE as TAG, LANGUAGES, WORDS } from "./catalogue.js";

export const LANGUAGE = TAG;
const forms = new Intl.PluralRules(LANGUAGE);
const shown = (value) => (typeof value === "number" ? value.toLocaleString(LANGUAGE) : value);

export const has = (key) => key in WORDS;

/** A text of the catalogue as pieces for an element: `{name}` becomes a value, which may be an element. Of several forms that of `n` is taken. */
export function tell(key, values = {}) {
  const found = WORDS[key];
  const text = typeof found === "string" ? found : found[values.n] ?? found[forms.select(values.n)] ?? found.other;
  return text.split(/\{(\w+)\}/).map((piece, at) => (at % 2 ? shown(values[piece]) : piece)).filter((piece) => piece !== "");
}

/** The same as text. */
export const say = (key, values) => tell(key, values).join("");

/** A number with so many decimals. */
export const decimal = (value, digits) => value.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A small number as a word, as in a sentence; a large one in digits. */
export const spelled = (count) => WORDS.numbers.split(" ")[count] ?? shown(count);

/** The languages to choose from. The choice is kept in a cookie, by which the server sends the page. */
export function languageMenu(h) {
  const choose = ({ target }) => {
    document.cookie = `placeprint-language=${target.value}; path=${location.pathname}; max-age=31536000; samesite=lax`;
    location.reload();
  };
  return h("label", { class: "menu" }, h("span", { class: "unseen" }, say("page.language")), h("select", { onchange: choose, autocomplete: "off" },
    Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === LANGUAGE }, name))));
}
