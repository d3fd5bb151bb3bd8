// Builds elements. Text is always a text node, so nothing that a server or a file name says becomes markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `on…` functions are listeners, true sets a bare attribute, null and false set none. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** `1 photo`, `2 photos`, `10,000 photos`. */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A photograph that fills its frame; one that cannot be drawn says so instead of a broken sign. */
export function photo(source, text, attributes = {}) {
  const image = h("img", { alt: text, decoding: "async", ...attributes, src: source });
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "gone", role: "img", "aria-label": text }, "No preview")));
  return image;
}

/** A path for people: a photo that was added here is stored under the hash of its content, which tells nobody anything. */
export const readable = (path) => path.replace(/^([0-9a-f]{6})[0-9a-f]{58}\.[a-z]+$/, "added here, $1");

/** Say something to people who listen instead of looking. */
export function announce(text) {
  document.getElementById("said").textContent = text;
}
