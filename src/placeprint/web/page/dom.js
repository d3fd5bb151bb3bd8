// Builds elements. Text is always a text node, so nothing that a server or a file name says becomes markup.

import { LANGUAGE, say } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `on…` functions are listeners, true sets a bare attribute, null and false set none. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A button that does something. */
export const button = (run, text, attributes = {}) => h("button", { type: "button", onclick: run, ...attributes }, text);

/** Buttons in a row. */
export const actions = (...buttons) => h("div", { class: "actions" }, buttons);

/** The heading of a view: the focus goes there. */
export const heading = (text) => h("h1", { tabindex: "-1" }, text);

/** A few words that matter less than those beside them. */
export const aside = (...text) => h("span", { class: "small soft" }, text);

/** What stands in place of a view that has nothing to show. */
export const nothing = (title, ...why) => h("section", { class: "hero slim" }, heading(title), h("p", { class: "soft" }, why));

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A name of a place or file, kept apart from the sentence around it: it may be written from right to left. */
export const bdi = (text) => h("bdi", {}, text);

/** A place as people call it, and its key where that differs; kept apart from the sentence around it. */
export const placeName = ({ place, best_guess: guess, title }) => (title ? h("bdi", { title: place ?? guess }, title) : bdi(place ?? guess));

export const placeAddress = (place) => `#/places/${encodeURIComponent(place)}`;

/** The places of a match, as people call them. */
export const placeNames = ({ places, titles }) => bdi((titles.length ? titles : places).join(", "));

/** What the server says in English, marked as that where the page speaks another language. */
export const foreign = (text) => (LANGUAGE === "en" ? text : h("span", { lang: "en", dir: "ltr" }, text));

/** Bytes as people read them: `640 B`, `210 kB`, `1.9 MB`. */
export function sized(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toLocaleString(LANGUAGE, { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`;
}

/** A message as a sentence: with a capital, where it does not begin with the name of a file, and a full stop. */
export function sentence(text) {
  const named = /^[^"“]{1,200}\.\w{2,5}: /.test(text);
  const begun = named ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** A photograph that fills its frame; one that cannot be drawn says so instead of a broken sign. */
export function photo(source, text, attributes = {}) {
  const gone = h("span", { class: "gone", role: "img", "aria-label": text || say("No preview") }, say("No preview"));
  if (!source) return gone;
  const image = h("img", { alt: text, decoding: "async", ...attributes, src: source });
  image.addEventListener("error", () => image.replaceWith(gone));
  return image;
}

/** A path for people: a photo that was added here is stored under the hash of its content, which tells nobody anything. */
export const readable = (path) => path.replace(/^([0-9a-f]{6})[0-9a-f]{58}\.[a-z]+$/, (_, start) => say("added here, {start}", { start }));

/** Say something to people who listen instead of looking: text, or pieces of it. */
export function announce(said) {
  document.getElementById("said").replaceChildren(...[said].flat().map((piece) => piece.textContent ?? piece));
}
